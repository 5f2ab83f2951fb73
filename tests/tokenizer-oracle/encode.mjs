// Usage: node encode.mjs tokenizer.json < texts
// Reads one JSON string a line and writes, a line each, {"ids": ids with special tokens, "decoded": text without special tokens}.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Tokenizer } from '@huggingface/tokenizers';

const tokenizer = new Tokenizer(JSON.parse(readFileSync(process.argv[2], 'utf8')), {});
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { ids } = tokenizer.encode(JSON.parse(line));
  const decoded = ids.length === 0 ? '' : tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  console.log(JSON.stringify({ ids, decoded }));
}
