using System.Text.Json;
using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>Each normalizer by itself, with what the Rust library (npm tokenizers 0.23.2) makes of the text.</summary>
public class NormalizerTests
{
    [Theory]
    [InlineData("""{"type":"Lowercase"}""", "ÀÉ ΣΑΣ İ Ǆ 𐐀", "àé σασ i\u0307 ǆ 𐐨")]
    [InlineData("""{"type":"StripAccents"}""", "e\u0301 é z\u0300\u0903", "e é z")]
    [InlineData("""{"type":"Nmt"}""", "a\u0001b\tc\u200Bd\uFEFF▁\u007F", "ab c d  ")]
    [InlineData("""{"type":"Strip","strip_left":true,"strip_right":true}""", " \u00A0a b\u3000\n", "a b")]
    [InlineData("""{"type":"Strip","strip_left":false,"strip_right":true}""", " a ", " a")]
    [InlineData("""{"type":"Strip","strip_left":true,"strip_right":true}""", "   ", "")]
    [InlineData("""{"type":"BertNormalizer"}""", "Ça va\u0000\u200D\t中x\uFFFD É", "ca va  中 x e")]
    [InlineData("""{"type":"BertNormalizer","strip_accents":false}""", "Ça É", "ça é")]
    [InlineData("""{"type":"BertNormalizer","lowercase":false}""", "Ça É", "Ça É")]
    [InlineData("""{"type":"BertNormalizer","lowercase":false,"strip_accents":true,"clean_text":false,"handle_chinese_chars":false}""", "Ça\t中", "Ca\t中")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}""", "a  b c   ", "a▁b c▁")]
    public void A_text_becomes_what_the_reference_makes_of_it(string json, string text, string expected) =>
        Assert.Equal(expected, Read(json)(new(text, null), continues: false, int.MaxValue).Text);

    [Fact]
    public void What_goes_on_a_text_keeps_the_space_at_its_beginning()
    {
        Normalizer strip = Read("""{"type":"Strip","strip_left":true,"strip_right":true}""");
        Assert.Equal(" b", strip(new(" b ", null), continues: true, int.MaxValue).Text);
    }

    private static Normalizer Read(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return Normalizers.Read(new TokenizerNode(document.RootElement.Clone(), "tokenizer.json", "normalizer"))!;
    }
}
