// Usage: node make-fixtures.mjs ../fixtures/tokenizers
// Writes small tokenizers of the kinds in use and, for each, the Rust library's ids, the characters that they stand for, and the decoded text of texts.json.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpus } from './corpus.mjs';
import { make } from './reference.mjs';

const folder = process.argv[2];
const texts = JSON.parse(readFileSync(join(folder, 'texts.json'), 'utf8'));

const byteNames = Array.from({ length: 256 }, (_, value) => `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`);
const byteLetters = [];
for (let value = 0, next = 256; value < 256; value++) {
  const printable = (value >= 33 && value <= 126) || (value >= 161 && value <= 172) || value >= 174;
  byteLetters.push(String.fromCharCode(printable ? value : next++));
}

const inByteLetters = (word) => Array.from(new TextEncoder().encode(word), (value) => byteLetters[value]);

function learnMerges(words, count) {
  const merges = [];
  while (merges.length < count) {
    const pairs = new Map();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const pair = word[i] + ' ' + word[i + 1];
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      }
    }
    const [best, times] = [...pairs].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a), ['', 0]);
    if (times < 2) break;
    const [left, right] = best.split(' ');
    merges.push(best);
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right);
      }
    }
  }
  return merges;
}

const vocabularyOf = (tokens, merges) => {
  const all = [...new Set([...tokens, ...merges.map((merge) => merge.replace(' ', ''))])];
  return Object.fromEntries(all.map((token, id) => [token, id]));
};

const added = (id, content, more = {}) =>
  ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more });
const beginWith = (token, id) => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
});
const bytePairs = (vocab, merges, more = {}) => ({
  type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null,
  fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab, merges, ...more,
});
const byteLevel = (useRegex) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex });
const split = (Regex) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });
const write = async (name, tokenizer) => {
  mkdirSync(join(folder, name), { recursive: true });
  const file = { version: '1.0', truncation: null, padding: null, ...tokenizer };
  writeFileSync(join(folder, name, 'tokenizer.json'), JSON.stringify(file, null, 1) + '\n');
  const reference = make(file);
  const lines = [];
  for (const text of texts) {
    const { ids, offsets } = await reference.encode(text);
    lines.push(JSON.stringify({ text, ids, offsets, decoded: ids.length === 0 ? '' : await reference.decode(ids) }));
  }
  writeFileSync(join(folder, name, 'golden.jsonl'), lines.join('\n') + '\n');
};

const words = (pattern) => corpus.match(pattern).map(inByteLetters);
const llama = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const qwen = llama.replace('\\p{N}{1,3}', '\\p{N}');
const gpt2 = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
const wordPattern = (source) => new RegExp(source.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'[a-z]{1,2}"), 'gu');

{
  // As Llama-3: whole words of the vocabulary need no merges.
  const merges = learnMerges(words(wordPattern(llama)), 150);
  const vocab = vocabularyOf([...byteLetters, 'Ġlazy', 'Ġfoxes', '1234', '123'], merges);
  const size = Object.keys(vocab).length;
  await write('byte-level-ignore-merges', {
    added_tokens: [added(size, '<|begin_of_text|>'), added(size + 1, '<|end_of_text|>')],
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split(llama), byteLevel(false)] },
    post_processor: { type: 'Sequence', processors: [byteLevel(true), beginWith('<|begin_of_text|>', size)] },
    decoder: byteLevel(true),
    model: bytePairs(vocab, merges, { ignore_merges: true }),
  });
}
{
  // As Qwen: composed text, digits one by one, merges as pairs, added tokens that are part of each other or take spaces along.
  const merges = learnMerges(words(wordPattern(qwen)), 150);
  const vocab = vocabularyOf(byteLetters, merges);
  const size = Object.keys(vocab).length;
  await write('byte-level-composed', {
    added_tokens: [
      added(size, '<|endoftext|>'), added(size + 1, '<|im_start|>'), added(size + 2, '<|im_end|>'),
      added(size + 3, '<think>', { special: false }), added(size + 4, '<think>é', { special: false, normalized: true }),
      added(size + 5, '<mask>', { lstrip: true }), added(size + 6, '<sep>', { rstrip: true }),
    ],
    normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split(qwen), byteLevel(false)] },
    post_processor: byteLevel(false),
    decoder: byteLevel(false),
    model: bytePairs(vocab, merges.map((merge) => merge.split(' ')), { continuing_subword_prefix: '', end_of_word_suffix: '' }),
  });
}
{
  // As SmolLM2: single digits, then GPT-2's words.
  const merges = learnMerges(words(gpt2), 150);
  const vocab = vocabularyOf(['<|endoftext|>', ...byteLetters], merges);
  await write('byte-level-digits', {
    added_tokens: [added(0, '<|endoftext|>')],
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel(true)] },
    post_processor: null,
    decoder: byteLevel(true),
    model: bytePairs(vocab, merges),
  });
}
{
  // As RoBERTa: a space is put before each text and after each added token.
  const merges = learnMerges(words(gpt2), 150);
  const vocab = vocabularyOf(['<s>', '</s>', ...byteLetters], merges);
  await write('byte-level-prefix', {
    added_tokens: [added(0, '<s>'), added(1, '</s>'), added(Object.keys(vocab).length, '<mask>', { lstrip: true })],
    normalizer: null,
    pre_tokenizer: { ...byteLevel(true), add_prefix_space: true },
    post_processor: { type: 'RobertaProcessing', sep: ['</s>', 1], cls: ['<s>', 0], trim_offsets: true, add_prefix_space: true },
    decoder: { ...byteLevel(true), add_prefix_space: true },
    model: bytePairs(vocab, merges),
  });
}

const marked = (text) => text.split('\n').map((line) => '▁' + line.replaceAll(' ', '▁'));
const letters = [...new Set('▁etaoinshrdlucmfwypvbgkjqxz.,TDL'), 'é', 'д', '語'];
const learnable = (line) => [...line].filter((letter) => letters.includes(letter));
const specials = ['<unk>', '<s>', '</s>'];
const fallback = { unk_token: '<unk>', fuse_unk: true, byte_fallback: true };
const spacesAsMarks = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
const marksAsSpaces = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };
{
  // As Llama-2: no pre-tokenizer, spaces become marks, unknown characters become bytes; runs of spaces are tokens.
  const merges = learnMerges([...marked(corpus), '▁▁▁▁▁▁▁▁', '▁▁▁▁▁▁▁▁'].map(learnable).map((line) => [...line]), 120);
  const vocab = vocabularyOf([...specials, ...byteNames, ...letters], merges);
  const llama2 = {
    added_tokens: specials.map((token, id) => added(id, token)),
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, spacesAsMarks] },
    pre_tokenizer: null,
    post_processor: beginWith('<s>', 1),
    decoder: { type: 'Sequence', decoders: [marksAsSpaces, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] },
    model: bytePairs(vocab, merges, fallback),
  };
  await write('sentencepiece', llama2);

  // As Phi-3: Llama-2's with tokens that take the white space after them along.
  const size = Object.keys(vocab).length;
  const strips = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<sep>'].map((token, index) => added(size + index, token, { rstrip: true }));
  await write('sentencepiece-strip', { ...llama2, added_tokens: [added(0, '<unk>'), added(1, '<s>'), added(2, '</s>', { rstrip: true, special: false }), ...strips] });
}
{
  // As Gemma: nothing is prepended, the pre-tokenizer finds no space to split at, and runs of line ends, tabs and marks are added tokens.
  const known = ['<pad>', '<eos>', '<bos>', '<unk>', '<mask>'];
  const runs = ['\n', '\n\n', '\n\n\n', '\t\t', '▁▁', '▁▁▁', '<think>', '</think>'];
  const merges = learnMerges([corpus.replaceAll(' ', '▁'), '▁▁▁▁▁▁▁▁', '▁▁▁▁▁▁▁▁'].map(learnable), 120);
  const vocab = vocabularyOf([...known, ...runs, ...byteNames, ...letters], merges);
  await write('sentencepiece-bare', {
    added_tokens: [...known.map((token) => added(vocab[token], token)), ...runs.map((token) => added(vocab[token], token, { special: false }))],
    normalizer: spacesAsMarks,
    pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    post_processor: beginWith('<bos>', vocab['<bos>']),
    decoder: { type: 'Sequence', decoders: [marksAsSpaces, { type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: bytePairs(vocab, merges, fallback),
  });
}
for (const scheme of ['first', 'always', 'never']) {
  // As newer Llama-2 files: the Metaspace pre-tokenizer and decoder; no bytes, so unknown characters are <unk>.
  const merges = learnMerges(marked(corpus.replace(/ +/g, ' ')).flatMap((line) => line.split(/(?=▁)/)).map(learnable), 120);
  await write('metaspace-' + scheme, {
    added_tokens: specials.map((token, id) => added(id, token)),
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: scheme, split: scheme === 'always' },
    post_processor: beginWith('<s>', 1),
    decoder: scheme === 'never'
      ? { type: 'Replace', pattern: { String: '▁' }, content: ' ' } // nothing was prepended, so nothing may be dropped
      : { type: 'Metaspace', replacement: '▁', prepend_scheme: scheme, split: scheme === 'always' },
    model: bytePairs(vocabularyOf([...specials, ...letters], merges), merges, { unk_token: '<unk>' }),
  });
}
