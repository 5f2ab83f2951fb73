using System.Text;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

/// <summary>Each file is built here byte by byte, so that a check is seen to refuse what it is for and no more.</summary>
public sealed class GgufHeaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_file_of_version_2_is_read_with_its_own_alignment()
    {
        GgufHeader header = GgufHeader.Read(Made(version: 2, fields: [.. Key("general.alignment"), .. Of(4), .. Of(64)], tensors: Tensor("t", 0, 0, 4, 2), fieldCount: 1, tensorCount: 1));
        GgufTensor tensor = Assert.Single(header.Tensors);
        Assert.Equal(("t", GgufTensorType.F32, 32L), (tensor.Name, tensor.Type, tensor.Length));
        Assert.Equal([2L, 4], tensor.Shape);
        Assert.Equal(0, tensor.Offset % 64);
        Assert.Equal(64u, header["general.alignment"]!.Content);
    }

    [Theory]
    [InlineData(1, "version 1")]
    [InlineData(4, "version 4")]
    [InlineData(0x03000000, "big-endian")]
    public void Other_versions_are_refused(int version, string reason) => Refused(Made(version: version), reason);

    [Fact]
    public void Counts_are_believed_only_as_far_as_there_are_bytes()
    {
        Refused(Made(fieldCount: long.MaxValue), "metadata entries");
        Refused(Made(tensorCount: -1), "tensors");
        Refused(Made(fields: [.. Key("a"), .. Of(9), .. Of(8), .. BitConverter.GetBytes(1L << 40)], fieldCount: 1), "states 1099511627776 values");
        Refused(Made(fields: [.. Key("a"), .. Of(8), .. BitConverter.GetBytes(1L << 40)], fieldCount: 1), "a text states 1099511627776 bytes");
    }

    [Fact]
    public void Damaged_metadata_is_refused_by_its_key()
    {
        Refused(Made(fields: [.. Key("a"), .. Of(13), .. Of(0)], fieldCount: 1), "'a' has the type 13");
        Refused(Made(fields: [.. Key("a"), .. Of(9), .. Of(9), .. BitConverter.GetBytes(1L), .. new byte[8]], fieldCount: 1), "'a' is an array of arrays");
        Refused(Made(fields: [.. Key("a"), .. Of(7), 2], fieldCount: 1), "truth value is 2");
        Refused(Made(fields: [.. Key("a"), .. Of(7), 1, .. Key("a"), .. Of(7), 1], fieldCount: 2), "'a' is there twice");
        Refused(Made(fields: [.. Key(""), .. Of(7), 1], fieldCount: 1), "a key is empty");
        Refused(Made(fields: [.. Of(1), .. Of(0), 0xFF, .. Of(7), 1], fieldCount: 1), "a key is not UTF-8");
        Refused(Made(fields: [.. Key("general.alignment"), .. Of(4), .. Of(48)], fieldCount: 1), "general.alignment is 48");
        Refused(Made(fields: [.. Key("general.alignment"), .. Of(5), .. Of(32)], fieldCount: 1), "general.alignment is 32");
    }

    [Fact]
    public void Damaged_tensors_are_refused_by_their_name()
    {
        Refused(Made(tensors: [.. Tensor("t", 0, 0, 1), .. Tensor("t", 0, 32, 1)], tensorCount: 2), "'t' is there twice");
        Refused(Made(tensors: Tensor("t", 0, 0), tensorCount: 1), "0 dimensions");
        Refused(Made(tensors: Tensor("t", 0, 0, 1, 1, 1, 1, 1), tensorCount: 1), "5 dimensions");
        Refused(Made(tensors: Tensor(new string('t', 64), 0, 0, 1), tensorCount: 1), "the name of a tensor states 64 bytes");
        Refused(Made(tensors: Tensor("t", 99, 0, 1), tensorCount: 1), "the type 99");
        Refused(Made(tensors: Tensor("t", 8, 0, 31), tensorCount: 1), "whole blocks of Q8_0");
        Refused(Made(tensors: Tensor("t", 0, 0, -1), tensorCount: 1), "the shape [-1]");
        Refused(Made(tensors: Tensor("t", 0, 0, 1L << 31, 1L << 31, 1L << 31), tensorCount: 1), "whole blocks of F32");
        Refused(Made(tensors: Tensor("t", 0, 32, 1), tensorCount: 1), "begins at byte 32");
        Refused(Made(tensors: [.. Tensor("a", 0, 0, 8), .. Tensor("b", 0, 16, 8)], tensorCount: 2), "'b' begins at byte 16 of the values; the one before it ends at 32");
        Refused(Made(tensors: Tensor("t", 0, 0, 1000), tensorCount: 1), "the file has");
    }

    [Fact]
    public void A_file_that_ends_too_early_is_refused_wherever_that_is()
    {
        string made = Made(fields: [.. Key("a"), .. Of(8), .. Key("text")], tensors: Tensor("t", 0, 0, 64), fieldCount: 1, tensorCount: 1);
        byte[] whole = File.ReadAllBytes(made);
        GgufTensor tensor = Assert.Single(GgufHeader.Read(made).Tensors);
        Assert.All(Enumerable.Range(1, (int)(tensor.Offset + tensor.Length) - 1), length => Refused(folder.Write("cut.gguf", whole.AsSpan(0, length)), ""));
    }

    [Fact]
    public void A_GGUF_file_is_told_by_its_beginning()
    {
        Assert.True(GgufHeader.IsGguf(Made()));
        Assert.False(GgufHeader.IsGguf(folder.Write("x", "GGU")));
        Assert.False(GgufHeader.IsGguf(folder.Write("x", "GGML....")));
        Assert.False(GgufHeader.IsGguf(folder.File("missing")));
        Assert.False(GgufHeader.IsGguf(folder.Path));
        Refused(folder.Write("x", "GGML...."), "does not begin with 'GGUF'");
    }

    private static void Refused(string path, string reason)
    {
        LoraException exception = Assert.Throws<LoraException>(() => GgufHeader.Read(path));
        Assert.Equal(LoraError.GgufInvalid, exception.Error);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    private static byte[] Of(int number) => BitConverter.GetBytes(number);

    private static byte[] Key(string text) => [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    /// <summary>A row of the table; sizes in the order of the file.</summary>
    private static byte[] Tensor(string name, int type, long offset, params long[] sizes) =>
        [.. Key(name), .. Of(sizes.Length), .. sizes.SelectMany(BitConverter.GetBytes), .. Of(type), .. BitConverter.GetBytes(offset)];

    /// <summary>A file with room for 64 values of F32 behind its header.</summary>
    private string Made(int version = 3, byte[]? fields = null, byte[]? tensors = null, long fieldCount = 0, long tensorCount = 0)
    {
        byte[] header = [.. "GGUF"u8, .. Of(version), .. BitConverter.GetBytes(tensorCount), .. BitConverter.GetBytes(fieldCount), .. fields ?? [], .. tensors ?? []];
        return folder.Write("made.gguf", [.. header, .. new byte[((header.Length + 63) / 64 * 64) - header.Length + 256]]);
    }
}
