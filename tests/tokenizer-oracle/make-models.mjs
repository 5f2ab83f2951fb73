// Usage: node make-models.mjs ../fixtures
// Writes small unigram and WordPiece tokenizers and, for each, what the Rust library makes of texts: ids, characters that they stand for, decoded
// text. The unigram models are trained by SentencePiece's own spm_train (Debian's package sentencepiece).
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corpus } from './corpus.mjs';
import { make } from './reference.mjs';
import { convert } from './sentencepiece.mjs';
import { makeTexts } from './texts.mjs';
import { bert } from './wordpiece.mjs';

const fixtures = process.argv[2];
const work = mkdtempSync(join(tmpdir(), 'models-'));
const given = JSON.parse(readFileSync(join(fixtures, 'tokenizers', 'texts.json'), 'utf8'));
const texts = [...given, ...makeTexts(100, 5)].filter((text) => text.isWellFormed());

const hex = (text) => [...text].map((character) => character.codePointAt(0).toString(16).toUpperCase()).join(' ');
const rules = [];
for (let code = 1; code < 0x10000; code++) {
  const character = String.fromCharCode(code), composed = character.normalize('NFKC');
  const isTaken = code < 0x20 || code === 0x7f || (code >= 0xa0 && code < 0x180) || (code >= 0x2000 && code < 0x2030) || (code >= 0x2150 && code < 0x2170)
    || (code >= 0xfb00 && code < 0xfb07) || (code >= 0xff01 && code < 0xff5f) || code === 0x3000;
  if ([9, 10, 12, 13, 0x200b].includes(code)) rules.push([character, ' ']);
  else if (code < 0x20 || code === 0x7f) rules.push([character, '']);
  else if (isTaken && composed !== character) rules.push([character, composed]);
  if (code >= 0xc0 && code < 0x180 && character.normalize('NFD') !== character) rules.push([character.normalize('NFD'), character]);
}
writeFileSync(join(work, 'rules.tsv'), rules.map(([from, to]) => `${hex(from)}\t${hex(to)}`).join('\n') + '\n');
writeFileSync(join(work, 'corpus.txt'), Array.from({ length: 20 }, () => corpus).join('\n') + '\n' + makeTexts(300, 9).join(' ').replaceAll(/[\0\r\n]/g, ' ').replaceAll(/(.{200})/gu, '$1\n'));

const train = (name, options) => {
  execFileSync('spm_train', [`--input=${join(work, 'corpus.txt')}`, `--model_prefix=${join(work, name)}`, '--minloglevel=2', '--num_threads=1',
    '--character_coverage=0.98', '--hard_vocab_limit=false', `--normalization_rule_tsv=${join(work, 'rules.tsv')}`, ...options]);
  return readFileSync(join(work, name + '.model'));
};

const write = async (name, tokenizer) => {
  const folder = join(fixtures, 'tokenizers', name);
  mkdirSync(folder, { recursive: true });
  const file = { version: '1.0', truncation: null, padding: null, ...tokenizer };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(file) + '\n');
  const reference = make(file);
  const lines = [];
  for (const text of texts) {
    const { ids, offsets } = await reference.encode(text);
    lines.push(JSON.stringify({ text, ids, offsets, decoded: ids.length === 0 ? '' : await reference.decode(ids) }));
  }
  writeFileSync(join(folder, 'golden.jsonl'), lines.join('\n') + '\n');
};

const t5 = train('t5', ['--vocab_size=800', '--pad_id=0', '--eos_id=1', '--unk_id=2', '--bos_id=-1']);
const plain = train('plain', ['--vocab_size=800', '--byte_fallback']);
await write('unigram-t5', convert('T5', t5));
await write('unigram-xlm-roberta', convert('XLMRoberta', plain));
await write('unigram-albert', convert('Albert', t5));
await write('unigram-bytes', convert('Plain', plain));
await write('wordpiece', bert(corpus, { lowercase: true }));
await write('wordpiece-cased', bert(corpus, { lowercase: false }));
