// Usage: node make-pairs.mjs ../fixtures/tokenizers [name=path/to/tokenizer.json ...]
// For each tokenizer and each pair of pairs.json the reference's ids, without special tokens around them: of the text as a whole (joined), of
// the prompt alone, as the model is given it (given), and of the completion as what goes on after it (learned).
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from './reference.mjs';

const [folder, ...others] = process.argv.slice(2);
const pairs = JSON.parse(readFileSync(join(folder, 'pairs.json'), 'utf8'));
const tokenizers = [
  ...readdirSync(folder).map((name) => [name, join(folder, name, 'tokenizer.json')]).filter(([, file]) => existsSync(file)),
  ...others.map((other) => other.split('=')),
];

for (const [name, path] of tokenizers) {
  const file = JSON.parse(readFileSync(path, 'utf8'));
  const reference = load(path);
  const plain = async (text) => (await reference.encode(text, false)).ids;
  const putsSpaces = JSON.stringify([file.normalizer, file.pre_tokenizer]).match(/"Prepend"|"Metaspace"|"add_prefix_space":true/) !== null;

  // What goes on is encoded behind something that never joins it: the added token that the prompt ends with, if it changes what comes after it,
  // or else a letter that no merge has. Where nothing is put before texts the completion alone will do.
  const anchorOf = (prompt) => {
    const ends = file.added_tokens.filter((token) => (token.rstrip ? prompt.trimEnd() : prompt).endsWith(token.content)).sort((a, b) => b.content.length - a.content.length);
    return ends.length > 0 && (putsSpaces || ends[0].rstrip) ? ends[0].content : putsSpaces ? '語' : '';
  };
  const learned = async (prompt, completion) => {
    const anchor = anchorOf(prompt);
    const before = anchor === '' ? [] : await plain(anchor);
    const ids = await plain(anchor + completion);
    if (before.some((id, index) => ids[index] !== id)) throw new Error(`${name}: '${completion}' joins its anchor`);
    return ids.slice(before.length);
  };
  const lines = [];
  for (const [prompt, completion] of pairs) {
    const [joined, given] = [await plain(prompt + completion), await plain(prompt)];
    lines.push(JSON.stringify({ prompt, completion, joined, given, learned: await (prompt === '' ? plain(completion) : learned(prompt, completion)) }));
  }
  writeFileSync(existsSync(join(folder, name)) ? join(folder, name, 'pairs.jsonl') : join(folder, `${name}.pairs.jsonl`), lines.join('\n') + '\n');
}
