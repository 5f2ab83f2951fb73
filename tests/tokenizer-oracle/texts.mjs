// Texts of many kinds, the same on each run: of many scripts, emoji, controls, odd spaces, code, and characters of all of Unicode.
export function makeTexts(count, seed = 1) {
  let state = seed;
  const random = (below) => { // xorshift32
    state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
    return (state >>> 0) % below;
  };
  const any = (list) => list[random(list.length)];
  const words = `the quick brown fox jumps over lazy dog Tell me about where it sleeps isn't they'll HELLO World e.g. tokenizer unbelievable
    naïve café Ångström ﬁnance œuvre Straße İstanbul ǅungla Ελληνικά ψυχή Съешь ещё булок мягких Україна العربية مرحبا שלום עולם नमस्ते दुनिया
    ภาษาไทย 日本語 漢字かな カタカナ ｶﾀｶﾅ 中文字符 한국어 문장입니다 ქართული հայերեն አማርኛ ខ្មែរ မြန်မာ བོད་ ＦＵＬＬ１２３ ½ ² Ⅷ ™ ㎏ ℌ ① 3.14 1,234 2024-11-28
    x_1 foo(bar) if(x!=y){ </s> <unk> <s> <pad> [CLS] [MASK] ▁ ▁▁a <extra_id_0> <0x41> http://example.com/?a=b&c=d#e C:\\\\dir\\\\file.txt don't can't do not
    👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇺 e\u0301 a\u0308\u0323 \u1100\u1161\u11a8 z\u0300\u0301\u0302 𝓗𝓮𝓵𝓵𝓸 𐐀𐐨 𠮷野家 \`\`quoted'' … — “x” «y» ¿qué? ¡sí!`.split(/\s+/);
  const spaces = [' ', ' ', ' ', ' ', ' ', ' ', ' ', '', '  ', '   ', '\n', '\r\n', '\t', '\u00a0', '\u3000', '\u200b', '\u2028', ' ', '\u0085'];
  const controls = ['\0', '\x01', '\x1f', '\x7f', '\x80', '\u00ad', '\u200d', '\u200e', '\u2060', '\ufeff', '\ufffd', '\ufe0f', '\u0301', '\ue000'];
  // Where most letters are; the last is everything but surrogates.
  const blocks = [[0x20, 0x7f], [0xa0, 0x24f], [0x250, 0x36f], [0x370, 0x52f], [0x530, 0x6ff], [0x900, 0xdff], [0xe00, 0x11ff], [0x1e00, 0x1fff],
    [0x2000, 0x2bff], [0x3000, 0x33ff], [0x4e00, 0x9fff], [0xac00, 0xd7a3], [0xf900, 0xffef], [0x10000, 0x1ffff], [0x1f300, 0x1faff], [0, 0x10ffff]];
  const character = () => {
    const [first, last] = any(blocks);
    const code = first + random(last - first + 1);
    return code >= 0xd800 && code < 0xe000 ? '?' : String.fromCodePoint(code);
  };
  const piece = () => {
    const kind = random(20);
    return kind < 14 ? any(words) : kind < 16 ? character() : kind < 17 ? Array.from({ length: 1 + random(6) }, character).join('')
      : kind < 18 ? any(controls) : kind < 19 ? any(words).repeat(1 + random(5)) : String(random(100000));
  };
  return Array.from({ length: count }, () => Array.from({ length: random(12) }, () => piece() + any(spaces)).join('') + (random(2) ? piece() : ''));
}
