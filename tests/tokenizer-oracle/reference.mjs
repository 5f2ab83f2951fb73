// The Rust library tokenizers, through its own binding for Node.
import { readFileSync } from 'node:fs';
import tokenizers from 'tokenizers';

const reference = (json) => {
  const tokenizer = tokenizers.Tokenizer.fromString(json);
  return {
    // The ids of a text, and for each the characters (code points) that it stands for.
    encode: async (text, addSpecialTokens = true) => {
      const encoding = await tokenizer.encode(text, null, { addSpecialTokens });
      return { ids: encoding.getIds(), offsets: encoding.getOffsets() };
    },
    decode: async (ids) => tokenizer.decode(ids, true),
  };
};
export const load = (file) => reference(readFileSync(file, 'utf8'));
export const make = (content) => reference(JSON.stringify(content));
