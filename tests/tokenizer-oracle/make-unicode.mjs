// Usage: node make-unicode.mjs ../../src/Lora.Engine/Text/Normalizing/UnicodeData.txt
// Writes what normalizers and pre-tokenizers need to know of characters: decompositions and combining classes as Node's ICU has them, and the
// classes of characters as the reference library's own, older tables have them. Numbers are hexadecimal.
import { writeFileSync } from 'node:fs';
import tokenizers from 'tokenizers';

const all = [];
for (let code = 0; code < 0x110000; code++) if (code < 0xd800 || code >= 0xe000) all.push(code);
const text = (...codes) => String.fromCodePoint(...codes);
const hex = (string) => [...string].map((character) => character.codePointAt(0).toString(16).toUpperCase()).join(' ');
const isHangul = (code) => code >= 0xac00 && code <= 0xd7a3;

const lines = [`# Made by tests/tokenizer-oracle/make-unicode.mjs of Unicode ${process.versions.unicode}.`];
const section = (name, rows) => lines.push(`[${name}]`, ...rows);
const ranges = (codes) => {
  const found = [];
  for (let at = 0, end; at < codes.length; at = end + 1) {
    for (end = at; codes[end + 1] === codes[end] + 1;) end++;
    found.push(hex(text(codes[at])) + (end > at ? '-' + hex(text(codes[end])) : ''));
  }
  return found.join(' ');
};

// A character with a canonical decomposition, whole; what composes again comes first.
const canonical = all.filter((code) => !isHangul(code) && text(code).normalize('NFD') !== text(code));
const composes = (code) => text(code).normalize('NFC') === text(code);
section('composed', canonical.filter(composes).map((code) => `${hex(text(code))}=${hex(text(code).normalize('NFD'))}`));
section('decomposed', canonical.filter((code) => !composes(code)).map((code) => `${hex(text(code))}=${hex(text(code).normalize('NFD'))}`));
section('compatible', all.filter((code) => !isHangul(code) && text(code).normalize('NFKD') !== text(code).normalize('NFD'))
  .map((code) => `${hex(text(code))}=${hex(text(code).normalize('NFKD'))}`));

// Combining classes, told from what the canonical order puts first; their order is all that matters, so they are numbered from 1.
const order = (left, right) => {
  if (text(left, right).normalize('NFD') !== text(left, right)) return 1;
  return text(right, left).normalize('NFD') !== text(right, left) ? -1 : 0;
};
const combines = (code) => { // Between the last and the first class only a character without one keeps its place.
  const between = text(0x345, code, 0x334).normalize('NFD');
  return !between.startsWith(text(0x345, code));
};
const classes = [];
for (const code of all.filter((code) => text(code).normalize('NFD') === text(code) && combines(code))) {
  const same = classes.find((members) => order(members[0], code) === 0);
  same ? same.push(code) : classes.push([code]);
}
section('classes', classes.sort((a, b) => order(a[0], b[0])).map(ranges));

// What the reference's tables say.
const pairs = new Map();
const bert = (options) => tokenizers.bertNormalizer({ cleanText: false, handleChineseChars: false, stripAccents: false, lowercase: false, ...options });
const between = (normalizer, code) => normalizer.normalizeString('a' + text(code) + 'a');
const clean = bert({ cleanText: true }), accents = bert({ stripAccents: true }), marks = tokenizers.stripAccentsNormalizer();
const punctuation = tokenizers.punctuationPreTokenizer(), words = tokenizers.whitespacePreTokenizer(), lower = tokenizers.lowercase();
section('control', [ranges(all.filter((code) => between(clean, code) === 'aa'))]);
section('accent', [ranges(all.filter((code) => text(code).normalize('NFD') === text(code) && between(accents, code) === 'aa'))]);
section('mark', [ranges(all.filter((code) => between(marks, code) === 'aa'))]);
section('punctuation', [ranges(all.filter((code) => punctuation.preTokenizeString('a' + text(code) + 'a').length === 3))]);
section('word', [ranges(all.filter((code) => words.preTokenizeString('a' + text(code) + 'a').length === 1))]);
section('lower', all.filter((code) => lower.normalizeString(text(code)) !== text(code)).map((code) => `${hex(text(code))}=${hex(lower.normalizeString(text(code)))}`));
writeFileSync(process.argv[2], lines.join('\n') + '\n');
