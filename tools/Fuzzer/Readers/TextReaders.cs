using Lora.Data;
using Lora.Text;

namespace Lora.Tools.Fuzzer;

/// <summary>Tokenizers, which encode and decode, and datasets.</summary>
internal static class TextReaders
{
    private const string TokenizerName = "tokenizer.json";
    private const string TokenizerConfigName = "tokenizer_config.json";
    private const string RowsName = "rows.jsonl";

    private static readonly string[] Texts =
        ["", " ", "Tell me about the fox.", "  two  spaces\n\nand lines\t", "don't 12345 <s> x</s>", "e\u0301 \u4e2d\u6587 \U0001F44D\U0001F3FD \ud800 \r\n\ufb01\uff21\u0001", new('a', 300)];

    public static IReadOnlyList<Reader> All { get; } =
        [new("tokenizer", 45, Tokenizers), new("tokenizer-config", 25, TokenizerConfig), new("rows", 140, Rows)];

    private static OpenReader Tokenizers(string folder)
    {
        (string Name, byte[] Whole, JsonDamage Damage)[] files = [.. RealFiles.Tokenizers().Select(from =>
        {
            string name = Path.Combine(Path.GetFileName(from), TokenizerName);
            RealFiles.Copy(from, Path.Combine(folder, Path.GetFileName(from)), TokenizerName);
            byte[] whole = File.ReadAllBytes(Path.Combine(folder, name));
            return (name, whole, new JsonDamage(whole));
        })];
        return new(
            random =>
            {
                (string name, byte[] whole, JsonDamage damage) = random.Any(files);
                return new(name, random.Next(4) == 0 ? ByteDamage.Apply(whole, random) : damage.Apply(random));
            },
            input => Use(Tokenizer.Load(Path.Combine(folder, input.File))));
    }

    private static OpenReader TokenizerConfig(string folder)
    {
        RealFiles.Copy(RealFiles.Model, folder, TokenizerName, TokenizerConfigName);
        byte[] whole = File.ReadAllBytes(Path.Combine(folder, TokenizerConfigName));
        JsonDamage damage = new(whole);
        return new(
            random => new(TokenizerConfigName, random.Next(3) == 0 ? ByteDamage.Apply(whole, random) : damage.Apply(random)),
            _ => Tokenizer.Load(folder));
    }

    private static OpenReader Rows(string folder)
    {
        Tokenizer tokenizer = Tokenizer.Load(RealFiles.Model);
        byte[][] lines = [.. File.ReadLines(RealFiles.Rows).Take(8).Select(System.Text.Encoding.UTF8.GetBytes)];
        JsonDamage[] damages = [.. lines.Select(line => new JsonDamage(line))];
        byte[] whole = Joined(lines);
        DatasetOptions options = new() { MaxLength = 64, VocabularySize = tokenizer.VocabularySize };
        return new(
            random =>
            {
                int at = random.Next(lines.Length);
                byte[][] damaged = [.. lines.Select((line, index) => index == at ? damages[index].Apply(random) : line)];
                return new(RowsName, random.Next(2) == 0 ? ByteDamage.Apply(whole, random) : Joined(damaged));
            },
            _ => Dataset.Load([Path.Combine(folder, RowsName)], tokenizer, options));
    }

    private static byte[] Joined(byte[][] lines) => [.. lines.SelectMany(line => line.Append((byte)'\n'))];

    /// <summary>Encodes texts of all kinds, and decodes what comes of them and ids that are nobody's.</summary>
    public static void Use(Tokenizer tokenizer)
    {
        foreach (string text in Texts)
        {
            int[] ids = tokenizer.Encode(text);
            tokenizer.Decode(ids);
            tokenizer.EncodeWithSpans(text);
            tokenizer.DecodeContinuation([1], ids, skipSpecialTokens: false);
        }

        tokenizer.Decode([-1, 0, 1, 2, 3, int.MaxValue, tokenizer.VocabularySize, tokenizer.VocabularySize - 1]);
    }
}
