// Usage: node make-vocabularies.mjs ../fixtures
// Writes folders without a tokenizer.json, as older models have them, and what the Rust library makes of texts with the tokenizer.json that
// transformers' converters would write.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpus } from './corpus.mjs';
import { make } from './reference.mjs';
import { convert } from './sentencepiece.mjs';
import { makeTexts } from './texts.mjs';
import { train } from './train.mjs';
import { bert, vocabularyOf } from './wordpiece.mjs';

const fixtures = process.argv[2];
const texts = [...JSON.parse(readFileSync(join(fixtures, 'tokenizers', 'texts.json'), 'utf8')), '<new> in<new>\t<NEW> [NEW]', 'a\t\tb\n<mask> </x> x', 'fill  [MASK] in the  <mask> too', ...makeTexts(60, 6)];

const write = async (name, files, tokenizer) => {
  const folder = join(fixtures, 'vocabularies', name);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(folder, file), file.endsWith('.json') ? JSON.stringify(content) + '\n' : content);
  }
  const reference = make({ version: '1.0', truncation: null, padding: null, ...tokenizer });
  const lines = [];
  for (const text of texts) {
    const { ids, offsets } = await reference.encode(text);
    lines.push(JSON.stringify({ text, ids, offsets, decoded: ids.length === 0 ? '' : await reference.decode(ids) }));
  }
  writeFileSync(join(folder, 'golden.jsonl'), lines.join('\n') + '\n');
};
const added = (id, content, special, more = {}) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: !special, special, ...more });
const withAdded = (tokenizer, ...tokens) => {
  const contents = tokens.map((token) => token.content);
  return { ...tokenizer, added_tokens: [...tokenizer.added_tokens.filter((token) => !contents.includes(token.content)), ...tokens] };
};
const size = (tokenizer) => tokenizer.model.vocab.length ?? Object.keys(tokenizer.model.vocab).length;

// SentencePiece: unigram models with a character map, pairs without.
const t5 = train('t5', ['--normalization_rule_tsv=RULES', '--vocab_size=600', '--pad_id=0', '--eos_id=1', '--unk_id=2', '--bos_id=-1']);
const plain = train('plain', ['--normalization_rule_tsv=RULES', '--vocab_size=800', '--byte_fallback', '--user_defined_symbols=</x>']);
const bare = ['--model_type=bpe', '--byte_fallback', '--normalization_rule_name=identity', '--remove_extra_whitespaces=false', '--allow_whitespace_only_pieces', '--vocab_size=1000'];
const llama = train('llama', [...bare, '--user_defined_symbols=</x>']);
const gemma = train('gemma', [...bare, '--add_dummy_prefix=false', '--pad_id=0', '--eos_id=1', '--bos_id=2', '--unk_id=3', '--user_defined_symbols=<mask>,<start_of_turn>,<end_of_turn>']);

await write('t5', { 'spiece.model': t5, 'config.json': { model_type: 't5' } }, convert('T5', t5));
{
  const file = convert('T5', t5, { extraIds: 10, scheme: 'first' });
  const tokenizer = withAdded(file, added(size(file), '<new>', false), added(size(file) + 1, '[NEW]', true));
  await write('t5-added', {
    'spiece.model': t5, 'tokenizer_config.json': { tokenizer_class: 'T5Tokenizer', extra_ids: 10, legacy: false, additional_special_tokens: ['[NEW]'] },
    'added_tokens.json': { '[NEW]': size(file) + 1, '<new>': size(file) },
  }, tokenizer);
}
await write('xlm-roberta', { 'sentencepiece.bpe.model': plain, 'config.json': { model_type: 'xlm-roberta' } }, convert('XLMRoberta', plain));
{
  const albert = train('albert', ['--normalization_rule_tsv=RULES', '--vocab_size=600', '--pad_id=0', '--unk_id=1', '--bos_id=-1', '--eos_id=-1', '--control_symbols=[CLS],[SEP],[MASK]']);
  await write('albert', { 'spiece.model': albert, 'tokenizer_config.json': { tokenizer_class: 'AlbertTokenizerFast' } }, convert('Albert', albert));
}
await write('plain', { 'tokenizer.model': plain }, convert('Plain', plain));
await write('plain-pairs', { 'tokenizer.model': llama }, convert('Plain', llama));
await write('llama', { 'tokenizer.model': llama, 'config.json': { model_type: 'llama' } }, convert('Llama', llama));
{
  const file = convert('Llama', llama, { legacy: false });
  const next = size(file);
  const decoder = { 0: '<unk>', 1: '<s>', 2: '</s>' };
  await write('llama-added', {
    'tokenizer.model': llama,
    'tokenizer_config.json': {
      tokenizer_class: 'LlamaTokenizer', legacy: false, bos_token: '<s>', eos_token: { content: '</s>', lstrip: false, normalized: false, rstrip: false, single_word: false },
      pad_token: null, unk_token: '<unk>', add_bos_token: true, add_eos_token: false,
      added_tokens_decoder: {
        ...Object.fromEntries(Object.entries(decoder).map(([id, content]) => [id, { content, lstrip: false, normalized: false, rstrip: false, single_word: false, special: true }])),
        [next]: { content: '<new>', lstrip: true, normalized: false, rstrip: false, single_word: false, special: true },
      },
    },
  }, withAdded(file, added(next, '<new>', true, { lstrip: true })));
}
await write('llama-no-prefix', {
  'tokenizer.model': llama, 'tokenizer_config.json': { tokenizer_class: 'LlamaTokenizerFast', add_prefix_space: false, bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
}, convert('Llama', llama, { addPrefixSpace: false }));
await write('gemma', { 'tokenizer.model': gemma, 'config.json': { model_type: 'gemma2' } }, convert('Gemma', gemma));

// BERT.
const tokens = vocabularyOf(corpus, true), cased = vocabularyOf(corpus, false);
await write('bert', { 'vocab.txt': tokens.join('\n') + '\n', 'config.json': { model_type: 'bert' } }, bert(corpus, { lowercase: true, tokens }));
await write('bert-cased', {
  'vocab.txt': cased.join('\n'), 'tokenizer_config.json': { tokenizer_class: 'DistilBertTokenizer', do_lower_case: false, strip_accents: true, tokenize_chinese_chars: false },
}, bert(corpus, { lowercase: false, tokens: cased, stripAccents: true, ideographs: false }));

// Byte-level pairs, with the merges of a tokenizer.json that is there.
const source = JSON.parse(readFileSync(join(fixtures, 'tokenizers', 'byte-level-prefix', 'tokenizer.json'), 'utf8')).model;
const byteLevel = (more) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true, ...more });
const pairs = (special, more) => {
  const vocab = { ...source.vocab };
  for (const token of special) vocab[token] ??= Object.keys(vocab).length;
  const model = { ...source, vocab };
  const files = { 'vocab.json': vocab, 'merges.txt': '#version: 0.2\n' + source.merges.map((merge) => (Array.isArray(merge) ? merge.join(' ') : merge)).join('\n') + '\n' };
  return { vocab, files, tokenizer: { added_tokens: special.map((token) => added(vocab[token], token, true)), normalizer: null, pre_tokenizer: byteLevel(), post_processor: byteLevel({ trim_offsets: false }), decoder: byteLevel(), model, ...more } };
};
{
  const { files, tokenizer } = pairs(['<|endoftext|>']);
  await write('gpt2', { ...files, 'config.json': { model_type: 'gpt2' } }, tokenizer);
}
{
  const { vocab, files, tokenizer } = pairs(['<s>', '</s>', '<unk>', '<pad>', '<mask>']);
  const processor = { type: 'RobertaProcessing', sep: ['</s>', vocab['</s>']], cls: ['<s>', vocab['<s>']], trim_offsets: true, add_prefix_space: true };
  const mask = added(vocab['<mask>'], '<mask>', true, { lstrip: true });
  await write('roberta', { ...files, 'tokenizer_config.json': { tokenizer_class: 'RobertaTokenizer', add_prefix_space: true } },
    withAdded({ ...tokenizer, pre_tokenizer: byteLevel({ add_prefix_space: true }), post_processor: processor }, mask));
}
{
  const { vocab, files, tokenizer } = pairs(['</s>', '<pad>']);
  const template = { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '</s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }], pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }], special_tokens: { '</s>': { id: '</s>', ids: [vocab['</s>']], tokens: ['</s>'] } } };
  await write('opt', {
    ...files, 'special_tokens_map.json': { bos_token: '</s>', eos_token: { content: '</s>', single_word: false, lstrip: false, rstrip: false, normalized: true }, unk_token: '</s>', pad_token: '<pad>' },
    'tokenizer_config.json': { tokenizer_class: 'GPT2Tokenizer', add_bos_token: true, bos_token: '</s>', eos_token: '</s>', unk_token: '</s>', pad_token: '<pad>' },
  }, { ...tokenizer, post_processor: template });
}
{
  const words = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  const split = { type: 'Split', pattern: { Regex: words }, behavior: 'Isolated', invert: false };
  const { files, tokenizer } = pairs(['<|endoftext|>']);
  await write('qwen2', { ...files, 'config.json': { model_type: 'qwen2' } },
    { ...tokenizer, normalizer: { type: 'NFC' }, pre_tokenizer: { type: 'Sequence', pretokenizers: [split, byteLevel({ use_regex: false })] } });
}
