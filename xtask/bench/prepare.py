"""Writes the input of the peers: token ids, checkpoints with random weights, the ONNX model.

`prepare.py FOLDER MODEL [FILE]`: FOLDER is the output folder, MODEL is a folder with config.json,
model.safetensors and tokenizer.json, FILE has one sentence per line. The last line of the output is
a JSON object that describes the text.
"""
import json
import logging
import random
import sys
import warnings
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModel, BertConfig, BertModel, DebertaV2Config, DebertaV2Model
from transformers import LlamaConfig, LlamaModel, logging as hf

hf.disable_progress_bar()

# Without FILE: this number of sentences of random words from the vocabulary of the model, with the
# lengths of web text. The gamma distribution has the mean and the variance of the number of tokens
# (without [CLS] and [SEP]) in the 12,544 training sentences of UD English EWT with the tokenizer of
# MiniLM. In shuffled batches of 32, padding multiplies the tokens by 2.93 (EWT: 2.99). A log-normal
# distribution gives 4.3, which would be unfair to tools that pad.
SENTENCES, SHAPE, SCALE = 2000, 1.771, 10.427
# A sentence of 15 tokens for MiniLM.
SENTENCE = "The old bank by the river refused the loan to her brother."
# The larger models are slower: they read every fourth, eighth or tenth sentence.
BERT_EVERY, DECODER_EVERY, DEBERTA_EVERY = 4, 8, 10
LONGEST = 500


def made_up_text(tokenizer):
    """Sentences of whole lower-case words of the vocabulary; every run gives the same sentences."""
    words = [token.lstrip("Ġ▁") for token in tokenizer.get_vocab()]
    words = sorted({word for word in words if word.isascii() and word.isalpha() and word.islower()})
    rng = random.Random(0)
    lengths = [max(1, round(rng.gammavariate(SHAPE, SCALE))) for _ in range(SENTENCES)]
    return [" ".join(rng.choices(words, k=min(length, LONGEST))) for length in lengths]


def write_ids(path, sequences, sentence):
    path.write_text(json.dumps({"sequences": sequences, "sentence": sentence}))


def random_ids(path, sequences, sentence, d_vocab):
    """Random token ids with the lengths of these sequences; the ids do not change the time."""
    rng = random.Random(0)
    *sequences, sentence = [
        [rng.randrange(5, d_vocab) for _ in ids] for ids in [*sequences, sentence]
    ]
    write_ids(path, sequences, sentence)


def random_checkpoint(folder, make):
    """Writes a checkpoint with random weights once; it is the same on every machine."""
    if not (folder / "model.safetensors").exists():
        torch.manual_seed(0)
        make().save_pretrained(folder)


class AllStates(torch.nn.Module):
    """A module with the hidden states of all layers as outputs, for the exporter."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        out = self.model(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        )
        return tuple(out.hidden_states)


def export_onnx(model_folder, path):
    # The warnings about missing operators are not useful here.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    model = AutoModel.from_pretrained(model_folder, dtype=torch.float32).eval()
    model.config.use_cache = False  # no text is generated
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # its output is not used
    ids = torch.randint(5, 100, (2, 7))
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    axes = {0: batch, 1: tokens}
    with torch.inference_mode():
        torch.onnx.export(
            AllStates(model).eval(),
            (ids, torch.ones_like(ids)),
            path,
            input_names=["input_ids", "attention_mask"],
            output_names=[f"hidden_{i}" for i in range(model.config.num_hidden_layers + 1)],
            dynamic_shapes=(axes, axes),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def main():
    folder, model_folder = Path(sys.argv[1]), Path(sys.argv[2])
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if len(sys.argv) > 3:
        texts = Path(sys.argv[3]).read_text(encoding="utf-8").splitlines()
        texts = [text for text in texts if text.strip()]
        source = Path(sys.argv[3]).name
    else:
        texts, source = made_up_text(tokenizer), "words drawn from the vocabulary"
    sequences = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    # For a sentence with too many tokens, Stratoscope stops and Python cuts it, so it is removed.
    sequences = [ids for ids in sequences if 0 < len(ids) <= LONGEST + 2]
    sentence = tokenizer.encode(SENTENCE).ids

    write_ids(folder / "ids.json", sequences, sentence)
    bert, llama = BertConfig(), LlamaConfig(  # BERT-base, SmolLM2-135M
        hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
        intermediate_size=1536, vocab_size=49152, max_position_embeddings=8192,
        rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 1e5},
        tie_word_embeddings=True,
    )
    random_checkpoint(folder / "bert-base", lambda: BertModel(bert, add_pooling_layer=False))
    random_checkpoint(folder / "decoder", lambda: LlamaModel(llama))
    random_checkpoint(folder / "decoder-bf16", lambda: LlamaModel(llama).to(torch.bfloat16))
    deberta = DebertaV2Config(  # DeBERTa-v3-base, with a smaller vocabulary
        hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072,
        vocab_size=32000, max_position_embeddings=512, type_vocab_size=0, relative_attention=True,
        max_relative_positions=-1, position_buckets=256, norm_rel_ebd="layer_norm",
        share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False,
        layer_norm_eps=1e-7,
    )
    random_checkpoint(folder / "deberta", lambda: DebertaV2Model(deberta))
    for name, every, d_vocab in [
        ("bert-base", BERT_EVERY, bert.vocab_size),
        ("decoder", DECODER_EVERY, llama.vocab_size),
        ("decoder-bf16", DECODER_EVERY, llama.vocab_size),
        ("deberta", DEBERTA_EVERY, deberta.vocab_size),
    ]:
        random_ids(folder / name / "ids.json", sequences[::every], sentence, d_vocab)
    try:
        export_onnx(model_folder, folder / "model.onnx")
        onnx = True
    except Exception as error:  # the exporter does not support every model
        print(f"ONNX Runtime is skipped: {error}", file=sys.stderr)
        onnx = False
    print(json.dumps({
        "source": source,
        "sentences": len(sequences),
        "tokens": sum(map(len, sequences)),
        "sentence_tokens": len(sentence),
        "bert-base": len(sequences[::BERT_EVERY]),
        "decoder": len(sequences[::DECODER_EVERY]),
        "decoder-bf16": len(sequences[::DECODER_EVERY]),
        "deberta": len(sequences[::DEBERTA_EVERY]),
        "family": json.loads((model_folder / "config.json").read_text())["model_type"],
        "onnx": onnx,
    }))


main()
