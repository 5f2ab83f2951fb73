using System.Text.Json;
using Lora.Text;

namespace Lora.Tests.Text;

public class NormalizerTests
{
    private static readonly int[] Noncharacters = [.. Enumerable.Range(0xFDD0, 32), .. Enumerable.Range(0, 17).SelectMany(plane => new[] { (plane << 16) + 0xFFFE, (plane << 16) + 0xFFFF })];

    [Fact]
    public void Just_Unicode_s_66_noncharacters_are_gone_around()
    {
        IEnumerable<int> all = Enumerable.Range(0, 0x110000).Where(code => code is < 0xD800 or > 0xDFFF);
        Assert.Equal(Noncharacters.Order(), all.Where(code => Normalizers.Noncharacter().IsMatch(char.ConvertFromUtf32(code))));
        Assert.Equal(66, Noncharacters.Length);
    }

    [Fact]
    public void The_text_between_them_is_composed_and_they_stay()
    {
        using JsonDocument json = JsonDocument.Parse("""{"type":"NFC"}""");
        Normalizer normalizer = Normalizers.Read(new TokenizerNode(json.RootElement, "tokenizer.json", "normalizer"))!;
        string marks = string.Concat(Noncharacters.Select(code => char.ConvertFromUtf32(code) + "e\u0301"));
        Assert.Equal(marks.Replace("e\u0301", "\u00E9", StringComparison.Ordinal), normalizer(marks, continues: false, int.MaxValue));
    }
}
