"""Randomly initialised classifiers of a few thousand parameters, saved as real checkpoints."""

CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tokenizer(*, chat, first=None):
    """A byte-level tokenizer without merges: one token a byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|first|>"]
    raw = Tokenizer(models.BPE(vocab={c: n for n, c in enumerate([*special, *letters])}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        bos_token=first,
        extra_special_tokens=["<|user|>", "<|assistant|>"],
        chat_template=CHAT if chat else None,
        model_max_length=200,
    )


def llama(out, kind, labels, *, chat=True, first=None, pad=True, seed=0):
    """Save a Llama with a head; `kind` is sequence, token or causal."""
    import torch
    import transformers

    words = tokenizer(chat=chat, first=first)
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=160, initializer_range=0.3, num_labels=labels,
        pad_token_id=words.pad_token_id if pad else None, bos_token_id=None, eos_token_id=words.eos_token_id,
    )  # fmt: skip
    made = {
        "sequence": transformers.LlamaForSequenceClassification,
        "token": transformers.LlamaForTokenClassification,
        "causal": transformers.LlamaForCausalLM,
    }[kind]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = made(config)
    model.save_pretrained(out)
    words.save_pretrained(out)
    return str(out)


def bert(out, kind, labels):
    """Save a BERT with a head and a tokenizer of words that pairs two texts."""
    import torch
    import transformers

    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "what",
        "is",
        "two",
        "and",
        "the",
        "answer",
        "four",
        "a",
        "so",
    ]
    file = out.with_suffix(".vocab")
    file.write_text("\n".join(words))
    reader = transformers.BertTokenizer(str(file))
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, initializer_range=0.3, num_labels=labels,
    )  # fmt: skip
    made = {
        "sequence": transformers.BertForSequenceClassification,
        "token": transformers.BertForTokenClassification,
    }[kind]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = made(config)
    model.save_pretrained(out)
    reader.save_pretrained(out)
    return str(out)
