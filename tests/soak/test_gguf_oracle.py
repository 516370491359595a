"""Every mix has the types and the bytes of llama.cpp's own quantiser, tensor by tensor.

The quantiser is that of the npm package node-llama-cpp, below `peers` of the environment: `make oracle-gguf`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("xllamacpp", reason="the wheel xllamacpp is not installed: make install")

import gguf
import transformers
from export.test_safetensors import CARD, CONDITIONS
from models import tiny_families
from train import tiny

from potstill.export.gguf.mixes import MIXES
from potstill.export.gguf.vocabulary import vocabulary_of
from potstill.export.gguf.writing import content_of, write
from potstill.train import students

BINARIES = Path(sys.prefix, "peers", "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64")
LIBRARY = next(iter(sorted(BINARIES.glob("libllama.v*.so"))), None)
# The library returns its parameters by value: two numbers first, then more than it has.
QUANTISE = """
import ctypes, sys
class Parameters(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int32), ("file_type", ctypes.c_int32), ("further", ctypes.c_ubyte * 1024)]
library = ctypes.CDLL(sys.argv[1])
library.llama_model_quantize_default_params.restype = Parameters
library.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
asked = library.llama_model_quantize_default_params()
asked.threads, asked.file_type = 1, int(sys.argv[4])
sys.exit(library.llama_model_quantize(sys.argv[2].encode(), sys.argv[3].encode(), ctypes.byref(asked)))
"""
pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(LIBRARY is None, reason="llama.cpp's quantiser is not here: make oracle-gguf"),
]
SHAPES = {
    "narrow": {"hidden_size": 96, "intermediate_size": 224, "num_hidden_layers": 3},
    "wide": {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 9},
    "untied": {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 9, "tie_word_embeddings": False},
    "phi3": {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 8, "pad_token_id": 0},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_types_and_bytes_are_those_of_llama_cpp(tmp_path, shape):
    students.prepare(tiny.STUDENT, tiny.texts(tiny.examples(60)), seed=3, out=tmp_path / "student")
    _, tokenizer = students.load(tmp_path / "student")
    cls = transformers.Phi3Config if shape == "phi3" else transformers.LlamaConfig
    sizes = {"num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 320, "tie_word_embeddings": True}
    config = cls(**sizes | SHAPES[shape])
    model = tiny_families.random_model(config, 0)
    content = content_of(
        model, card=CARD, vocabulary=vocabulary_of(tokenizer, 320, [tokenizer.eos_token_id]), cutting="smollm",
        template=tokenizer.chat_template, evaluate=CONDITIONS.evaluate,
    )  # fmt: skip
    write(content, "f32", tmp_path / "f32.gguf")
    for name, mix in MIXES.items():
        file, own = tmp_path / f"{name}.oracle", tmp_path / f"{name}.gguf"
        write(content, name, own)
        number = int(gguf.LlamaFileType[mix.file_type])
        command = [sys.executable, "-c", QUANTISE, str(LIBRARY), str(tmp_path / "f32.gguf"), str(file), str(number)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found, wanted = ({t.name: t for t in gguf.GGUFReader(path).tensors} for path in (own, file))
        assert found.keys() == wanted.keys()
        types = {key: (found[key].tensor_type.name, wanted[key].tensor_type.name) for key in found}
        assert not {key: pair for key, pair in types.items() if pair[0] != pair[1]}, (name, json.dumps(types))
        assert not [key for key in found if found[key].data.tobytes() != wanted[key].data.tobytes()], name
