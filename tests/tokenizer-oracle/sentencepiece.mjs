// What transformers makes of SentencePiece's model files, as tokenizer.json (convert_slow_tokenizer.py and the tokenizers' own classes).

// The pieces, and what the trainer and the normalizer were told (sentencepiece_model.proto).
export function readModel(bytes) {
  function* fields(message) {
    let at = 0;
    const varint = () => {
      let value = 0n, shift = 0n, byte;
      do {
        byte = message[at++];
        value |= BigInt(byte & 127) << shift;
        shift += 7n;
      } while (byte > 127);
      return Number(BigInt.asIntN(64, value));
    };
    while (at < message.length) {
      const tag = varint(), kind = tag & 7;
      if (kind === 0) yield [tag >> 3, varint()];
      else if (kind === 5) yield [tag >> 3, message.readFloatLE((at += 4) - 4)];
      else if (kind === 1) yield [tag >> 3, message.readDoubleLE((at += 8) - 8)];
      else {
        const length = varint();
        yield [tag >> 3, message.subarray(at, at += length)];
      }
    }
  }
  const model = { pieces: [], unknownId: 0, unknown: '<unk>', type: 1, byteFallback: false, map: '' };
  for (const [field, value] of fields(bytes)) {
    if (field === 1) {
      const piece = { text: '', score: 0, type: 1 };
      for (const [part, of] of fields(value)) {
        if (part === 1) piece.text = of.toString('utf8');
        if (part === 2) piece.score = of;
        if (part === 3) piece.type = of;
      }
      model.pieces.push(piece);
    }
    if (field === 2) {
      for (const [part, of] of fields(value)) {
        if (part === 3) model.type = of;
        if (part === 35) model.byteFallback = of !== 0;
        if (part === 40) model.unknownId = of;
        if (part === 45) model.unknown = of.toString('utf8');
      }
    }
    if (field === 3) for (const [part, of] of fields(value)) if (part === 2) model.map = of.toString('base64');
  }
  return model;
}

const added = (id, content, special, more = {}) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special, ...more });
const string = (String) => ({ String });
const replace = (pattern, content) => ({ type: 'Replace', pattern, content });
const sequence = (kind, steps) => ({ type: 'Sequence', [kind]: steps });
const metaspace = (scheme, split = true) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme: scheme, split });
const template = (before, after, ids) => {
  const special = (token) => ({ SpecialToken: { id: token, type_id: 0 } });
  return {
    type: 'TemplateProcessing',
    single: [...before.map(special), { Sequence: { id: 'A', type_id: 0 } }, ...after.map(special)],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: Object.fromEntries([...before, ...after].map((token) => [token, { id: token, ids: [ids(token)], tokens: [token] }])),
  };
};

// All ways to make a piece of two, best piece first; of one piece those with the longer left part first, then by the parts' ids.
function mergesOf(pieces) {
  const ids = new Map(pieces.map(([text], id) => [text, id]));
  const length = (text) => [...text].length;
  const merges = [...new Map(pieces)].flatMap(([text, score]) => {
    const characters = [...text];
    return characters.slice(1)
      .map((_, at) => [characters.slice(0, at + 1).join(''), characters.slice(at + 1).join(''), score])
      .filter(([left, right]) => ids.has(left) && ids.has(right))
      .sort((a, b) => ids.get(a[0]) - ids.get(b[0]) || ids.get(a[1]) - ids.get(b[1]));
  });
  return merges.sort((a, b) => b[2] - a[2] || length(b[0]) - length(a[0]) || length(b[1]) - length(a[1])).map(([left, right]) => [left, right]);
}

// The file as tokenizer.json. special: the tokens that transformers adds by their names, with the strings of tokenizer_config.json.
export function convert(kind, bytes, { extraIds = 100, scheme = 'always', legacy = true, addPrefixSpace = true } = {}) {
  const model = readModel(bytes);
  const pieces = model.pieces.map(({ text, score }) => [text, score]);
  const unigram = (vocab, unk_id, byte_fallback = false) => ({ type: 'Unigram', unk_id, vocab, byte_fallback });
  const tokens = new Map(model.pieces.flatMap(({ text, type }, id) => (type === 3 || type === 4 ? [[text, added(id, text, type === 3)]] : [])));
  const special = (id, content, more) => tokens.set(content, added(id, content, true, more));
  const find = (token) => pieces.findIndex(([text]) => text === token);
  const map = model.map === '' ? [] : [{ type: 'Precompiled', precompiled_charsmap: model.map }];
  const usual = sequence('normalizers', [...map, { type: 'Strip', strip_left: false, strip_right: true }, replace({ Regex: ' {2,}' }, '▁')]);
  const bytesDecoder = [replace(string('▁'), ' '), { type: 'ByteFallback' }, { type: 'Fuse' }];
  const stripped = [...bytesDecoder, { type: 'Strip', content: ' ', start: 1, stop: 0 }];
  const file = (parts) => ({ added_tokens: [...tokens.values()].sort((a, b) => a.id - b.id), normalizer: null, pre_tokenizer: null, post_processor: null, ...parts });
  const pairs = () => ({
    type: 'BPE', dropout: null, unk_token: model.unknown, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true, byte_fallback: true,
    ignore_merges: false, vocab: Object.fromEntries(pieces.map(([text], id) => [text, id])), merges: mergesOf(pieces),
  });

  switch (kind) {
    case 'T5': {
      for (const token of ['<pad>', '</s>', '<unk>']) special(find(token), token);
      for (let extra = extraIds - 1; extra >= 0; extra--) {
        special(pieces.length, `<extra_id_${extra}>`);
        pieces.push([`<extra_id_${extra}>`, 0]);
      }
      return file({ normalizer: usual, pre_tokenizer: metaspace(scheme), decoder: metaspace(scheme), post_processor: template([], ['</s>'], find), model: unigram(pieces, model.unknownId) });
    }
    case 'XLMRoberta': {
      const all = [...['<s>', '<pad>', '</s>', '<unk>'].map((token) => [token, 0]), ...pieces.slice(3), ['<mask>', 0]];
      tokens.forEach((token, text) => tokens.set(text, { ...token, id: all.findIndex(([of]) => of === text) }));
      all.slice(0, 4).forEach(([token], id) => special(id, token));
      special(all.length - 1, '<mask>', { lstrip: true });
      return file({
        normalizer: usual, pre_tokenizer: metaspace('always'), decoder: metaspace('always'),
        post_processor: template(['<s>'], ['</s>'], (token) => all.findIndex(([text]) => text === token)), model: unigram(all, 3),
      });
    }
    case 'Albert': {
      const quotes = [replace(string('``'), '"'), replace(string("''"), '"')];
      const steps = [...quotes, { type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, ...map, replace({ Regex: ' {2,}' }, ' ')];
      const vocab = pieces.map(([text, score]) => [text, /\d,$/.test(text) ? score - 100 : score]);
      const parts = { normalizer: sequence('normalizers', steps), pre_tokenizer: metaspace('always'), decoder: metaspace('always'), model: unigram(vocab, model.unknownId) };
      if (find('[CLS]') < 0) return file(parts); // A model that was trained without them.
      for (const token of ['<unk>', '<pad>']) special(find(token), token);
      special(find('[MASK]'), '[MASK]', { lstrip: true });
      return file({ ...parts, post_processor: template(['[CLS]'], ['[SEP]'], find) });
    }
    case 'Plain': // No class: what is in the file and nothing else.
      return file({
        normalizer: sequence('normalizers', [...map, replace(string(' '), '▁')]), decoder: sequence('decoders', bytesDecoder),
        model: model.type === 1 ? unigram(pieces, model.unknownId, true) : pairs(),
      });
    case 'Llama': {
      for (let id = 0; id < 3; id++) {
        special(id, pieces[id][0]);
        pieces[id][1] = 0;
      }
      const prefix = addPrefixSpace ? [{ type: 'Prepend', prepend: '▁' }] : [];
      return file({
        normalizer: legacy ? sequence('normalizers', [...prefix, replace(string(' '), '▁')]) : null,
        pre_tokenizer: legacy ? null : metaspace(addPrefixSpace ? 'first' : 'never', false),
        post_processor: template(['<s>'], [], find), decoder: sequence('decoders', addPrefixSpace ? stripped : bytesDecoder), model: pairs(),
      });
    }
    case 'Gemma': {
      ['<pad>', '<eos>', '<bos>'].forEach((token, id) => {
        tokens.delete(pieces[id][0]);
        special(id, token);
        pieces[id] = [token, 0];
      });
      special(3, pieces[3][0]);
      for (const token of ['<start_of_turn>', '<end_of_turn>']) if (find(token) >= 0) special(find(token), token);
      if (find('\t') < 0 && find('<0x09>') >= 0) pieces[find('<0x09>')] = ['\t', 0];
      return file({
        normalizer: replace(string(' '), '▁'), pre_tokenizer: { type: 'Split', pattern: string(' '), behavior: 'MergedWithPrevious', invert: false },
        post_processor: template(['<bos>'], [], find), decoder: sequence('decoders', bytesDecoder), model: pairs(),
      });
    }
    default:
      throw new Error(`no conversion ${kind}`);
  }
}
