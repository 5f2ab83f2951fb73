// Usage: node make-models.mjs ../fixtures
// Writes small unigram and WordPiece tokenizers and, for each, what the Rust library makes of texts: ids, characters that they stand for, decoded
// text. The unigram models are trained by SentencePiece's own spm_train (Debian's package sentencepiece).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpus } from './corpus.mjs';
import { make } from './reference.mjs';
import { convert } from './sentencepiece.mjs';
import { makeTexts } from './texts.mjs';
import { train } from './train.mjs';
import { bert } from './wordpiece.mjs';

const fixtures = process.argv[2];
const given = JSON.parse(readFileSync(join(fixtures, 'tokenizers', 'texts.json'), 'utf8'));
const texts = [...given, ...makeTexts(100, 5)].filter((text) => text.isWellFormed());

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

const t5 = train('t5', ['--normalization_rule_tsv=RULES', '--vocab_size=800', '--pad_id=0', '--eos_id=1', '--unk_id=2', '--bos_id=-1']);
const plain = train('plain', ['--normalization_rule_tsv=RULES', '--vocab_size=800', '--byte_fallback']);
await write('unigram-t5', convert('T5', t5));
await write('unigram-xlm-roberta', convert('XLMRoberta', plain));
await write('unigram-albert', convert('Albert', t5));
await write('unigram-bytes', convert('Plain', plain));
await write('wordpiece', bert(corpus, { lowercase: true }));
await write('wordpiece-cased', bert(corpus, { lowercase: false }));
