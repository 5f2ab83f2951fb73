using System.Buffers.Binary;
using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>Maps that are damaged; what whole ones do is held by the goldens of the unigram tokenizers.</summary>
public class CharacterMapTests
{
    [Theory]
    [InlineData(new uint[] { }, 0)]
    [InlineData(new uint[] { 0 }, 0)]
    [InlineData(new uint[] { 8, 0 }, 0)]
    [InlineData(new uint[] { 6, 0, 0 }, 0)]
    public void A_map_that_cannot_hold_its_trie_is_refused(uint[] map, int spare) => Assert.Contains("cannot hold", Refused(() => Make(map, spare)), StringComparison.Ordinal);

    [Fact]
    public void A_trie_that_leads_out_of_itself_is_refused() => Assert.Contains("leads out", Refused(() => Make([4, 0x7FFF_FC00], 1)), StringComparison.Ordinal);

    [Fact]
    public void Texts_that_are_no_UTF_8_are_refused() =>
        Assert.Contains("UTF-8", Refused(() => Make([4, 0, 0xFFFF_FFFF], 0)), StringComparison.Ordinal);

    private static CharacterMap Make(uint[] units, int spare)
    {
        byte[] bytes = new byte[(units.Length * sizeof(uint)) + spare];
        for (int index = 0; index < units.Length; index++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(index * sizeof(uint)), units[index]);
        }

        return new(bytes, "tokenizer.json");
    }

    private static string Refused(Func<CharacterMap> make)
    {
        LoraException failure = Assert.Throws<LoraException>(() => make().Apply(new("é", null), int.MaxValue));
        Assert.Equal(LoraError.TokenizerInvalid, failure.Error);
        return failure.Message;
    }
}
