// Usage: node many.mjs tokenizer.json count
// Writes, a line each, what the Rust library makes of so many texts of all kinds.
import { load } from './reference.mjs';
import { makeTexts } from './texts.mjs';

const [file, count] = process.argv.slice(2);
const reference = load(file);
for (const text of makeTexts(Number(count), 3)) {
  const { ids } = await reference.encode(text);
  console.log(JSON.stringify({ text, ids, decoded: ids.length === 0 ? '' : await reference.decode(ids) }));
}
