// WordPiece tokenizers as BERT has them, with the frequent pieces of a text as their tokens.
import tokenizers from 'tokenizers';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

export function vocabularyOf(text, lowercase, size = 700) {
  const normalizer = tokenizers.bertNormalizer({ cleanText: true, handleChineseChars: true, stripAccents: lowercase, lowercase });
  const counts = new Map();
  for (const [word] of tokenizers.bertPreTokenizer().preTokenizeString(normalizer.normalizeString(text))) {
    const characters = [...word];
    for (let start = 0; start < characters.length; start++) {
      for (let end = start + 1; end <= characters.length; end++) {
        const piece = (start > 0 ? '##' : '') + characters.slice(start, end).join('');
        counts.set(piece, (counts.get(piece) ?? 0) + (end - start === 1 ? 1000 : end - start));
      }
    }
  }
  const frequent = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([piece]) => piece);
  return [...special, ...frequent.slice(0, size - special.length)];
}

export function bert(text, { lowercase, tokens = vocabularyOf(text, lowercase), stripAccents = null, ideographs = true }) {
  const id = (token) => tokens.indexOf(token);
  const around = (token) => ({ SpecialToken: { id: token, type_id: 0 } });
  return {
    added_tokens: special.map((content) => ({ id: id(content), content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: ideographs, strip_accents: stripAccents, lowercase },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [around('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, around('[SEP]')],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map((token) => [token, { id: token, ids: [id(token)], tokens: [token] }])),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, at) => [token, at])),
    },
  };
}
