"""Times PEFT on the step that `dotnet run -c Release --project bench -- step-small` times, and prints the ratio.

Needs a Python with torch, transformers and peft; Lora itself needs none. Both run on the CPU, one after the other.
usage: python bench/peft_step.py [--blocks 8] [--type float32|bfloat16]
"""

import argparse
import re
import statistics
import subprocess
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ROWS, LENGTH, REPETITIONS = 4, 512, 3
TYPES = {"float32": "Float32", "bfloat16": "BFloat16"}


def peft_tokens_per_second(blocks: int, dtype: torch.dtype) -> float:
    """Tokens a second of forward and backward, the median of a few repetitions after one that is not timed."""
    torch.manual_seed(1)
    shape = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=blocks, num_attention_heads=9,
        num_key_value_heads=3, head_dim=64, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True, use_cache=False)
    base = LlamaForCausalLM(shape).to(dtype)
    model = get_peft_model(base, LoraConfig(r=16, lora_alpha=32, target_modules=TARGETS, task_type="CAUSAL_LM"))
    model.train()
    ids = torch.randint(0, shape.vocab_size, (ROWS, LENGTH))
    seconds = []
    for _ in range(REPETITIONS + 1):
        model.zero_grad()
        begin = time.perf_counter()
        model(input_ids=ids, labels=ids).loss.backward()
        seconds.append(time.perf_counter() - begin)
    return ROWS * LENGTH / statistics.median(seconds[1:])


def lora_tokens_per_second(name: str, dtype: str) -> float:
    """The fused step's figure out of the benchmark's table."""
    command = ["dotnet", "run", "-c", "Release", "--project", "bench", "--", name]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    section = output.split(f", {TYPES[dtype]}, rank 16", 1)
    row = re.search(r"^\| 4 x 512, fused \|(.*)\|$", section[1], re.MULTILINE) if len(section) == 2 else None
    if row is None:
        raise SystemExit(f"the benchmark printed no row for {dtype}:\n{output}")
    return float(row.group(1).split("|")[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, choices=[8, 30], default=8, help="8 compares with step-small, 30 with step")
    parser.add_argument("--type", choices=TYPES, default="float32")
    arguments = parser.parse_args()
    peft = peft_tokens_per_second(arguments.blocks, getattr(torch, arguments.type))
    lora = lora_tokens_per_second("step-small" if arguments.blocks == 8 else "step", arguments.type)
    print(f"PEFT {peft:.0f} tokens/s, Lora {lora:.0f} tokens/s, ratio {lora / peft:.2f}; torch {torch.__version__}, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
