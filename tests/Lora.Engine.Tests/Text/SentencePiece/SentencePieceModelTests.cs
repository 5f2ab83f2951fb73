using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>Model files byte by byte: a field is its number and kind, then its value (protobuf.dev, "Encoding").</summary>
public sealed class SentencePieceModelTests : IDisposable
{
    // Field 1, bytes: { field 1, bytes: "a"; field 2, 32 bits: -1.5 }.
    private static readonly byte[] Piece = [0x0A, 8, 0x0A, 1, (byte)'a', 0x15, 0, 0, 0xC0, 0xBF];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Pieces_and_options_are_read_and_fields_of_later_versions_are_passed_over()
    {
        byte[] trainer = [0x12, 11, 0x18, 2, 0x98, 2, 1, 0xEA, 2, 3, (byte)'<', (byte)'u', (byte)'>'];
        byte[] later = [0xC8, 0xC, 1, 0xCD, 0xC, 1, 2, 3, 4, 0xC9, 0xC, 1, 2, 3, 4, 5, 6, 7, 8, 0xCA, 0xC, 2, 1, 1];
        SentencePieceModel model = Read([.. Piece, .. trainer, .. later, 0x0A, 5, 0x0A, 1, (byte)'b', 0x18, 3]);
        Assert.Equal([new("a", -1.5f, SentencePieceModel.PieceKind.Normal), new("b", 0, SentencePieceModel.PieceKind.Control)], model.Pieces);
        Assert.False(model.IsUnigram);
        Assert.True(model.HasBytes);
        Assert.Equal("<u>", model.UnknownToken);
    }

    [Theory]
    [InlineData(new byte[] { 0x0A, 0x7F, 1 }, "127 bytes, and 1 are left")]
    [InlineData(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 }, "and 0 are left")]
    [InlineData(new byte[] { 0xFF }, "does not end")]
    [InlineData(new byte[] { 0x0B }, "written in the way 3")]
    [InlineData(new byte[] { 0x33 }, "in the unknown way 3")]
    [InlineData(new byte[] { 0x00, 0 }, "the number 0")]
    [InlineData(new byte[] { 0x0A, 3, 0x0A, 1, 0xFF }, "not UTF-8")]
    [InlineData(new byte[] { 0x0A, 0 }, "the token 0")]
    [InlineData(new byte[] { 0x0A, 8, 0x0A, 1, (byte)'a', 0x15, 0, 0, 0xC0, 0x7F }, "the token 0")]
    [InlineData(new byte[] { 0x0A, 5, 0x0A, 1, (byte)'a', 0x18, 9 }, "the token 0")]
    [InlineData(new byte[] { 0x0A, 3, 0x0A, 1, (byte)'a', 0x12, 3, 0xC0, 2, 1 }, "the id 1")]
    public void A_damaged_file_is_refused_with_the_reason(byte[] bytes, string reason)
    {
        LoraException failure = Assert.Throws<LoraException>(() => Read(bytes));
        Assert.Equal(LoraError.TokenizerInvalid, failure.Error);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0x12, 2, 0x18, 3 }, "'word'")]
    [InlineData(new byte[] { 0x12, 2, 0x18, 4 }, "'char'")]
    [InlineData(new byte[] { 0x12, 3, 0xC0, 1, 1 }, "treat_whitespace_as_suffix")]
    public void What_has_no_counterpart_is_refused_by_name(byte[] trainer, string name)
    {
        LoraException failure = Assert.Throws<LoraException>(() => Read([.. Piece, .. trainer]));
        Assert.Equal(LoraError.TokenizerUnsupported, failure.Error);
        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Merges_come_from_the_best_token_then_from_the_longer_left_part()
    {
        (string, double)[] tokens = [("a", 0), ("b", 0), ("ab", -1), ("ba", -2), ("aba", -1)];
        PairMerges merges = PieceMerges.Of(tokens, new(tokens.Select((token, id) => (token.Item1, id)).ToDictionary()));
        (int, int)[] inOrder = [(2, 0), (0, 3), (0, 1), (1, 0)];
        Assert.Equal([0, 1, 2, 3], inOrder.Select(pair => merges.TryFind(pair.Item1, pair.Item2, out PairMerges.Merge merge) ? merge.Rank : -1));
    }

    private SentencePieceModel Read(byte[] bytes)
    {
        File.WriteAllBytes(folder.File("tokenizer.model"), bytes);
        return SentencePieceModel.Read(folder.File("tokenizer.model"));
    }
}
