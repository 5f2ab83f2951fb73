// What the small tokenizers of the fixtures learned from.
export const corpus = `The quick brown fox jumps over the lazy dog. The dog isn't amused: it's 2024, and they'll see 1234 foxes in 10 years!
def main(argument):\n    for index in range(10):\n        print(index, argument)\n\n
L'été à la plage, où les élèves étaient déjà; die Straße über der Brücke; ¿dónde está el niño?
Съешь же ещё этих мягких французских булок, да выпей чаю. Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.
日本語の文章と漢字。中文的文章和漢字。한국어 문장입니다. שלום עולם. مرحبا بالعالم. नमस्ते दुनिया. 👩‍👩‍👧 👍🏽 🎉🎉`;
