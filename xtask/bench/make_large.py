"""Writes checkpoints with the shape of large models and random weights, to measure loading and memory.

    python make_large.py llama-1b /tmp/big/llama-1b             # 2.2 GB, bf16, TinyLlama's shape
    python make_large.py llama-7b /tmp/big/llama-7b             # 13.5 GB, bf16, in shards
    python make_large.py llama-7b /tmp/big/llama-7b-q4 --gguf   # 3.8 GB, Q4_0

The values are normal with a standard deviation of 0.02, and repeat after 16 million. The tokenizer is that
of the bundled model, so that sentences can be read. Needs numpy, and gguf for --gguf.
"""

import argparse
import json
import pathlib
import shutil

import numpy

SHAPES = {
    "llama-1b": dict(hidden_size=2048, intermediate_size=5632, num_hidden_layers=22,
                     num_attention_heads=32, num_key_value_heads=4, vocab_size=32000),
    "llama-7b": dict(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32,
                     num_attention_heads=32, num_key_value_heads=32, vocab_size=32000),
}
SHARD = 5_000_000_000
POOL = 1 << 24
TOKENIZER = pathlib.Path(__file__).parents[2] / "crates/bundled/model/tokenizer.json"


def tensors(shape):
    """The names and shapes of all tensors."""
    d, mlp, vocab = shape["hidden_size"], shape["intermediate_size"], shape["vocab_size"]
    keys = d // shape["num_attention_heads"] * shape["num_key_value_heads"]
    yield "model.embed_tokens.weight", (vocab, d)
    for i in range(shape["num_hidden_layers"]):
        block = f"model.layers.{i}"
        yield f"{block}.input_layernorm.weight", (d,)
        for part, rows in [("q", d), ("k", keys), ("v", keys), ("o", d)]:
            yield f"{block}.self_attn.{part}_proj.weight", (rows, d)
        yield f"{block}.post_attention_layernorm.weight", (d,)
        yield f"{block}.mlp.gate_proj.weight", (mlp, d)
        yield f"{block}.mlp.up_proj.weight", (mlp, d)
        yield f"{block}.mlp.down_proj.weight", (d, mlp)
    yield "model.norm.weight", (d,)
    yield "lm_head.weight", (vocab, d)


def repeated(pool, offset, count):
    """`count` entries of the pool from `offset` on, in parts."""
    while count > 0:
        offset %= len(pool)
        part = pool[offset:offset + count]
        yield part
        offset, count = offset + len(part), count - len(part)


def safetensors(shape, folder):
    rng = numpy.random.default_rng(0)
    normal = rng.standard_normal(POOL, dtype=numpy.float32) * numpy.float32(0.02)
    pool = (normal.view(numpy.uint32) >> 16).astype(numpy.uint16)
    one = numpy.array([0x3f80], dtype=numpy.uint16)
    shards, size = [[]], 0
    for name, dims in tensors(shape):
        bytes_ = 2 * int(numpy.prod(dims))
        if size + bytes_ > SHARD:
            shards.append([])
            size = 0
        shards[-1].append((name, dims, bytes_))
        size += bytes_
    index = {}
    for number, shard in enumerate(shards, 1):
        file = "model.safetensors"
        if len(shards) > 1:
            file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        header, end = {}, 0
        for name, dims, bytes_ in shard:
            header[name] = {"dtype": "BF16", "shape": dims, "data_offsets": [end, end + bytes_]}
            end += bytes_
            index[name] = file
        header = json.dumps(header).encode()
        header += b" " * (-len(header) % 8)
        with open(folder / file, "wb") as out:
            out.write(len(header).to_bytes(8, "little") + header)
            for name, dims, bytes_ in shard:
                if len(dims) == 1:
                    out.write(numpy.repeat(one, dims[0]).tobytes())
                    continue
                for part in repeated(pool, int(rng.integers(POOL)), bytes_ // 2):
                    part.tofile(out)
    if len(shards) > 1:
        total = sum(bytes_ for shard in shards for _, _, bytes_ in shard)
        index = {"metadata": {"total_size": total}, "weight_map": index}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = dict(shape, model_type="llama", architectures=["LlamaForCausalLM"], rms_norm_eps=1e-5,
                  hidden_act="silu", max_position_embeddings=2048, rope_theta=10000.0,
                  tie_word_embeddings=False, torch_dtype="bfloat16", bos_token_id=1, eos_token_id=2)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    shutil.copy(TOKENIZER, folder / "tokenizer.json")


def gguf(shape, folder):
    import gguf as lib

    rng = numpy.random.default_rng(0)
    # Blocks of 32 values: a scale in f16, and 16 bytes with two values each.
    blocks = rng.integers(0, 256, (1 << 21, 18), dtype=numpy.uint8)
    scales = numpy.float16(0.02 / 4.6) * rng.uniform(0.8, 1.2, len(blocks)).astype(numpy.float16)
    blocks[:, :2] = scales.view(numpy.uint8).reshape(-1, 2)
    vocabulary = list(json.loads(TOKENIZER.read_text())["model"]["vocab"])
    # As llama.cpp's converter writes WordPiece: the beginning of a word is marked, not the rest.
    is_special = lambda token: len(token) > 2 and token[0] == "[" and token[-1] == "]"
    mark = lambda token: token if is_special(token) else f"\u2581{token}"
    vocabulary = [t[2:] if t.startswith("##") else mark(t) for t in vocabulary]
    vocabulary += [f"[more{i}]" for i in range(shape["vocab_size"] - len(vocabulary))]
    writer = lib.GGUFWriter(folder / "model.gguf", "llama")
    writer.add_block_count(shape["num_hidden_layers"])
    writer.add_context_length(2048)
    writer.add_embedding_length(shape["hidden_size"])
    writer.add_feed_forward_length(shape["intermediate_size"])
    writer.add_head_count(shape["num_attention_heads"])
    writer.add_head_count_kv(shape["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary)
    writer.add_token_types([1] * len(vocabulary))
    writer.add_bos_token_id(101)
    writer.add_eos_token_id(102)
    writer.add_sep_token_id(102)
    writer.add_unk_token_id(100)
    names = lib.get_tensor_name_map(lib.MODEL_ARCH.LLAMA, shape["num_hidden_layers"])
    for name, dims in tensors(shape):
        short = names.get_name(name, try_suffixes=(".weight",))
        if len(dims) == 1:
            writer.add_tensor(short, numpy.ones(dims, dtype=numpy.float32))
            continue
        rows, per_row = dims[0], dims[1] // 32
        # The same memory for all tensors: rows of the pool, again and again.
        pool = blocks[:len(blocks) // per_row * per_row].reshape(-1, per_row * 18)
        data = numpy.resize(pool, (rows, per_row * 18)) if rows > len(pool) else pool[:rows]
        writer.add_tensor(short, data, raw_dtype=lib.GGMLQuantizationType.Q4_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--gguf", action="store_true", help="a GGUF file in Q4_0")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    (gguf if args.gguf else safetensors)(SHAPES[args.shape], args.folder)


if __name__ == "__main__":
    main()
