"""Writes the seeds of the fuzz targets: small whole files of every kind that is read.

    python make_corpus.py

What a fuzzer found is kept beside them under the names that it gave, and is not touched.
"""

import base64
import json
import shutil
import tempfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures"
CORPUS = HERE / "corpus"
SPLIT = b"\xff"


def seed(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def tiny(kind, config, name):
    """A checkpoint of about two kilobytes: its configuration and its weights."""
    torch.manual_seed(1)
    model = kind(config, add_pooling_layer=False)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        seed("config", name, Path(folder, "config.json").read_bytes())
        weights = load_file(Path(folder, "model.safetensors"))
        weights = {name: tensor.half() for name, tensor in weights.items()}
        save_file(weights, Path(folder, "half.safetensors"))
        seed("weights", name, Path(folder, "half.safetensors").read_bytes())
    return weights


SIZES = dict(vocab_size=40, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=6,
             max_position_embeddings=9)
bert = tiny(hf.BertModel, hf.BertConfig(**SIZES), "bert")
tiny(hf.RobertaModel, hf.RobertaConfig(**SIZES), "roberta")

for family in sorted(Path(FIXTURES, "families").iterdir()):
    seed("config", f"fixture-{family.name}", (family / "config.json").read_bytes())
    old = family / "config-transformers-4.json"
    if old.exists():
        seed("config", f"fixture-{family.name}-4", old.read_bytes())

# Two shards and their index.
names = sorted(bert)
parts = [names[:12], names[12:]]
index = {"metadata": {"total_size": 7}, "weight_map": {}}
shards = []
for part, file in zip(parts, ("one.safetensors", "two.safetensors")):
    index["weight_map"] |= {name: file for name in part}
    with tempfile.TemporaryDirectory() as folder:
        save_file({name: bert[name] for name in part}, Path(folder, file))
        data = Path(folder, file).read_bytes()
        shards.append(data)
seed("shards", "bert", SPLIT.join([json.dumps(index).encode(), *shards]))

# Pickles: both formats, a state dict within, every habit.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "seed.bin")
    few = OrderedDict(list(bert.items())[:4])
    for name, data, zipped in (
        ("bert-zip", bert, True),
        ("bert-legacy", bert, False),
        ("few-zip", {"state_dict": few, "epoch": 3, "loss": 0.5, "best": None}, True),
        ("few-legacy", OrderedDict(a=torch.zeros(2, 3).t(), b=torch.nn.Parameter(torch.ones(2))), False),
    ):
        torch.save(data, path, _use_new_zipfile_serialization=zipped)
        seed("pickle", name, path.read_bytes())
for name in ("zip", "legacy", "nested"):
    shutil.copy(FIXTURES / "pickle" / "habits" / f"{name}.bin", CORPUS / "pickle" / f"habits-{name}")

# Tokenizers of 40 tokens at most, of every kind of model, normaliser, pre-tokeniser and processor.
word_piece = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "river", "bank", "##s", "a", "##a", "r", "b", "##i"]
seed("vocabulary", "bert", "\n".join(word_piece))
seed("vocabulary", "cased", "\n".join(word_piece).encode() + SPLIT + json.dumps(
    {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False, "cls_token": "the",
     "mask_token": {"content": "[MASK]", "lstrip": True, "normalized": False}}).encode())
byte_pairs = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", "t", "h", "e", "a", "n", "b", "k", "th", "the", "Ġthe", "an", "aa"]
for name, content in json.loads(Path(FIXTURES, "tokenizer_layouts.json").read_text())["contents"].items():
    if name.endswith(".model"):
        seed("sentencepiece", name.removesuffix(".model"), base64.b64decode(content["base64"]))

merges = "#version: 0.2\nt h\nth e\nĠ the\na n\na a\n"
vocab = {token: i for i, token in enumerate(byte_pairs)}
seed("merges", "roberta", SPLIT.join([json.dumps(vocab, ensure_ascii=False).encode(), merges.encode()]))
seed("merges", "prefix-space", SPLIT.join([json.dumps(vocab, ensure_ascii=False).encode(), merges.encode(),
                                           json.dumps({"add_prefix_space": True, "mask_token": {"content": "<mask>", "lstrip": True}}).encode()]))


def tokenizer(name, model, normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None, added=(), **rest):
    added = [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for t, i in added]
    seed("tokenizer", name, json.dumps(
        {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": normalizer,
         "pre_tokenizer": pre_tokenizer, "post_processor": post_processor, "decoder": decoder, "model": model, **rest}))


pieces = {token: i for i, token in enumerate(word_piece)}
tokenizer(
    "wordpiece", {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": pieces},
    {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
    {"type": "BertPreTokenizer"},
    {"type": "TemplateProcessing",
     "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
     "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
     "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
    {"type": "WordPiece", "prefix": "##", "cleanup": True}, [("[CLS]", 2), ("[SEP]", 3), ("[MASK]", 4)],
    truncation={"direction": "Right", "max_length": 128, "strategy": "LongestFirst", "stride": 0},
    padding={"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"})
tokenizer(
    "bpe", {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False,
            "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": [["t", "h"], ["th", "e"], ["Ġ", "the"]]},
    {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "[0-9]+"}, "content": "n"}]},
    {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "\\p{L}+|\\s+"}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
    {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": True},
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, [("<s>", 0), ("</s>", 2)])
tokenizer(
    "unigram", {"type": "Unigram", "unk_id": 2, "byte_fallback": False,
                "vocab": [["<s>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["▁the", -2.5], ["▁", -1.5], ["bank", -4.25], ["a", -3.0], ["aa", -3.5]]},
    {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "NFKD"}, {"type": "StripAccents"},
                                         {"type": "Lowercase"}, {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
    {"type": "Sequence", "processors": [{"type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]}]},
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}, [("<s>", 0), ("</s>", 1)])
tokenizer(
    "wordlevel", {"type": "WordLevel", "vocab": {"the": 0, "bank": 1, "[UNK]": 2}, "unk_token": "[UNK]"}, None,
    {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"}, {"type": "Digits", "individual_digits": True},
                                           {"type": "UnicodeScripts"}, {"type": "CharDelimiterSplit", "delimiter": "-"}]})
tokenizer(
    "bpe-fallback", {"type": "BPE", "dropout": None, "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                     "vocab": {"<unk>": 0, "<0x0A>": 1, "▁": 2, "a": 3, "▁a": 4}, "merges": ["▁ a"]},
    {"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}, None, None,
    {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                                      {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})

# States files, as the program writes them.
states = {
    "hidden_states": torch.arange(24.0).reshape(2, 3, 4).sin(),
    "layers": torch.tensor([0, 1]), "input_ids": torch.tensor([5, 6, 7]), "sequence_offsets": torch.tensor([0, 2, 3]),
    "char_offsets": torch.tensor([[0, 1], [2, 3], [0, 1]]), "word_ids": torch.tensor([0, 1, -1]),
}
metadata = {"format": 1, "tool": "stratoscope", "convention": "", "model": "m", "revision": None, "family": "f", "n_layers": 1,
            "unit": "token", "texts": [{"text": "a b"}, {"text": "c"}], "labels": ["a", "b", "c"], "text_ids": [0, 0, 1]}
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "seed.safetensors")
    for name, data, extra in (("bare", {"hidden_states": states["hidden_states"]}, None), ("arrays", states, None),
                              ("whole", states, {"stratoscope": json.dumps(metadata)})):
        save_file(data, path, extra)
        seed("states", name, path.read_bytes())

# numpy writes the date of 1980 into npz files, so that the bytes are repeatable.
arrays = {name: tensor.numpy() for name, tensor in states.items()}
texts = {"tokens": np.array(["a", "b", "##c"]), "texts": np.array(["a b", "c"])}
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "x.npz")
    for name, save, data in (("arrays", np.savez, arrays), ("deflated", np.savez_compressed, arrays | texts),
                             ("fortran", np.savez, {"hidden_states": np.asfortranarray(arrays["hidden_states"])})):
        save(path, **data)
        seed("npz", name, path.read_bytes())

seed("stimuli", "small", """\
carrier the
lead-ins Now | As you know,
word bank
sense money: a company that lends money
role subject
Now | As you know, | the [bank] lent him more.
role object
< He robbed the [bank] again.
sense river: the side of a river
role subject
Now | the [bank] was muddy.
role object
They walked along the [bank] slowly.
""")
built_in = (HERE.parent.parent / "crates" / "probing" / "stimuli" / "noun-verb.txt").read_text()
seed("stimuli", "noun-verb", built_in[:6000])

# A GGUF header with one key and one tensor.
text = lambda s: len(s).to_bytes(8, "little") + s.encode()


def word(number, form, misc="_"):
    return f"{number}\t{form}" + "\t_" * 7 + f"\t{misc}\n"


seed("conllu", "given", "# sent_id = a\n# text = Vámonos al mar.\n" + word("1-2", "Vámonos") + word(1, "Vamos")
     + word(2, "nos") + word("3-4", "al") + word(3, "a") + word(4, "l") + word("4.1", "x")
     + word(5, "mar", "SpaceAfter=No") + word(6, ".") + "\n")
seed("conllu", "spelled", ("\ufeff" + word(1, "Qué", "SpaceAfter=No") + word(2, "?") + "\n").replace("\n", "\r\n")
     + "# text = b\n" + word(1, "c"))
def annotated(number, form, head, feats="_", misc="_"):
    return f"{number}\t{form}\t{form}\tNOUN\tNN\t{feats}\t{head}\tdep\t_\t{misc}\n"


seed("conllu", "annotated", annotated(1, "a", 2, "Number=Sing|Case=Nom") + annotated(2, "b", 0, misc="SpaceAfter=No")
     + annotated(3, "c", 2) + "\n" + annotated(1, "d", "_") + "\n")
seed("conllu", "cycle", annotated(1, "a", 0) + annotated(2, "b", 4) + annotated(3, "c", 2) + annotated(4, "d", 3))
seed("jsonl", "texts", r'''{"text": "one \u00e9"}

{"text": null}
{"a": [1, {"b": 2}], "text": "two"}
{"text": 1e999}
''')
seed("jsonl", "missing", '{"body": "one", "id": {"text": "no"}}\n')

u32, u64 = (lambda n: n.to_bytes(4, "little")), (lambda n: n.to_bytes(8, "little"))
header = b"GGUF" + u32(3) + u64(1) + u64(2) + text("general.architecture") + u32(8) + text("llama")
header += text("general.alignment") + u32(4) + u32(32)
header += text("output_norm.weight") + u32(1) + u64(4) + u32(0) + u64(0)
seed("gguf", "header", header + bytes(-len(header) % 32) + torch.ones(4).numpy().tobytes())
