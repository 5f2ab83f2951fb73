// Small models by SentencePiece's own spm_train (Debian's package sentencepiece), with a character map of our own rules.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corpus } from './corpus.mjs';
import { makeTexts } from './texts.mjs';

const work = mkdtempSync(join(tmpdir(), 'models-'));

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

export const train = (name, options) => {
  execFileSync('spm_train', [`--input=${join(work, 'corpus.txt')}`, `--model_prefix=${join(work, name)}`, '--minloglevel=2', '--num_threads=1',
    '--character_coverage=0.98', '--hard_vocab_limit=false', ...options.map((option) => option.replace('RULES', join(work, 'rules.tsv')))]);
  return readFileSync(join(work, name + '.model'));
};
