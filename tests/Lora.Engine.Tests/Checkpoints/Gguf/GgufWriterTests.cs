using System.Text;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class GgufWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_file_has_the_bytes_that_the_format_asks_for()
    {
        string path = folder.File("x.gguf");
        Write(path, [new("k", GgufValue.Of("é")), new("n", GgufValue.OfArray<uint>([7]))], [new("t", GgufTensorType.F16, [2, 3])]);

        byte[] start =
        [
            .. "GGUF"u8, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, // version, tensors, entries
            1, 0, 0, 0, 0, 0, 0, 0, .. "k"u8, 8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, .. "é"u8,
            1, 0, 0, 0, 0, 0, 0, 0, .. "n"u8, 9, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0,
            1, 0, 0, 0, 0, 0, 0, 0, .. "t"u8, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        int dataStart = (start.Length + 31) / 32 * 32;
        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal(start, bytes[..start.Length]);
        Assert.All(bytes[start.Length..dataStart], value => Assert.Equal(0, value));
        Assert.Equal(Enumerable.Repeat((byte)1, 12), bytes[dataStart..(dataStart + 12)]);
        Assert.Equal(dataStart + 32, bytes.Length); // the values are padded too
    }

    [Fact]
    public void Every_type_of_value_is_read_again_as_it_was_written()
    {
        GgufField[] fields =
        [
            new("u8", GgufValue.Of((byte)255)), new("i8", GgufValue.Of((sbyte)-1)), new("u16", GgufValue.Of((ushort)65_535)), new("i16", GgufValue.Of((short)-2)),
            new("u32", GgufValue.Of(uint.MaxValue)), new("i32", GgufValue.Of(-3)), new("u64", GgufValue.Of(ulong.MaxValue)), new("i64", GgufValue.Of(long.MinValue)),
            new("f32", GgufValue.Of(0.1f)), new("f64", GgufValue.Of(0.1)), new("yes", GgufValue.Of(true)), new("text", GgufValue.Of("▁a\0b")), new("empty", GgufValue.Of("")),
            new("texts", GgufValue.OfArray<string>(["", "x", "é"])), new("none", GgufValue.OfArray<string>([])), new("ints", GgufValue.OfArray([1, -1])),
            new("floats", GgufValue.OfArray([1f, -0f])), new("bools", GgufValue.OfArray([true, false])), new("bytes", GgufValue.OfArray<byte>([1, 2])),
        ];
        string path = folder.File("x.gguf");
        Write(path, fields, []);

        GgufHeader header = GgufHeader.Read(path);
        Assert.Equal(fields.Select(field => (field.Key, field.Value.Type, field.Value.ElementType)), header.Fields.Select(field => (field.Key, field.Value.Type, field.Value.ElementType)));
        Assert.All(fields, field => Assert.Equal(field.Value.Content, header[field.Key]!.Content));
        Assert.Null(header["other"]);
    }

    [Fact]
    public void Tensors_are_read_again_with_shape_type_and_values()
    {
        GgufTensor[] tensors = [new("a", GgufTensorType.F32, [3]), new("b", GgufTensorType.Q8_0, [2, 64]), new("c", GgufTensorType.Q4_0, [1, 2, 3, 32]), new("d", GgufTensorType.Q6_K, [256]), new("e", GgufTensorType.BF16, [0, 5])];
        string path = folder.File("x.gguf");
        Write(path, [], tensors);

        GgufHeader header = GgufHeader.Read(path);
        Assert.Equal(tensors.Select(tensor => tensor.ToString()), header.Tensors.Select(tensor => tensor.ToString()));
        Assert.Equal([12L, 2 * 2 * 34, 6 * 18, 210, 0], header.Tensors.Select(tensor => tensor.Length));
        Assert.All(header.Tensors, tensor => Assert.Equal(0, tensor.Offset % 32));
        for (int index = 0; index < tensors.Length; index++)
        {
            byte[] expected = [.. Enumerable.Repeat((byte)(index + 1), (int)tensors[index].Length)];
            Assert.Equal(expected, header.ReadTensor(header.Tensors[index]));
        }
    }

    [Fact]
    public void What_the_format_does_not_have_is_refused_before_anything_is_written()
    {
        GgufTensor tensor = new("a", GgufTensorType.F32, [1]);
        string path = folder.File("x.gguf");
        Assert.Throws<ArgumentException>(() => Write(path, [new("k", GgufValue.Of(1)), new("k", GgufValue.Of(2))], []));
        Assert.Throws<ArgumentException>(() => Write(path, [], [tensor, tensor]));
        Assert.Throws<ArgumentException>(() => Write(path, [], [tensor with { Name = new('é', 32) }]));
        Assert.Throws<ArgumentException>(() => Write(path, [], [tensor with { Shape = [1, 1, 1, 1, 1] }]));
        Assert.Throws<InvalidOperationException>(() => Write(path, [], [tensor with { Type = GgufTensorType.Q8_0 }]));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_tensor_that_gets_too_few_values_leaves_the_old_file()
    {
        string path = folder.Write("x.gguf", "old");
        Assert.Throws<InvalidOperationException>(() => GgufWriter.Write(path, [], [new("a", GgufTensorType.F32, [2])], (_, stream) => stream.Write(new byte[4])));
        Assert.Equal("old", File.ReadAllText(path, Encoding.UTF8));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    /// <summary>Writes a file whose first tensor has the bytes 1, the second 2, ...</summary>
    private static void Write(string path, GgufField[] fields, GgufTensor[] tensors) => GgufWriter.Write(path, fields, tensors, (tensor, stream) =>
    {
        byte[] values = new byte[tensor.Length];
        values.AsSpan().Fill((byte)(Array.IndexOf(tensors, tensor) + 1));
        stream.Write(values);
    });
}
