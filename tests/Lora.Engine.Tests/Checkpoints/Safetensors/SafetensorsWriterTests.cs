using System.Text;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("llama3")]
    [InlineData("llama_linear")]
    [InlineData("llama_tied_headdim")]
    [InlineData("mistral")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    public void An_adapter_that_PEFT_wrote_is_written_again_byte_for_byte(string family) =>
        WriteAgain(Repository.Fixture("families", family, "adapter", "adapter_model.safetensors"));

    [Fact]
    public void Every_reference_file_is_written_again_byte_for_byte()
    {
        string[] files = Directory.GetFiles(Repository.Shared("families"), "*.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        Assert.All(files, WriteAgain);
    }

    [Fact]
    public void Wide_types_come_first_then_names_and_the_header_ends_at_eight_bytes()
    {
        string path = folder.File("x.safetensors");
        TensorData[] tensors =
        [
            new("b", TensorDataType.U8, [1], new byte[] { 1 }),
            new("z", TensorDataType.I64, [1], new byte[8]),
            new("a", TensorDataType.U8, [1], new byte[] { 2 }),
            new("d\"é", TensorDataType.F32, [], new byte[4]),
        ];
        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["k"] = "v", ["format"] = "pt" });

        byte[] bytes = File.ReadAllBytes(path);
        string header = """
            {"__metadata__":{"format":"pt","k":"v"},"z":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"d\"é":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"a":{"dtype":"U8","shape":[1],"data_offsets":[12,13]},"b":{"dtype":"U8","shape":[1],"data_offsets":[13,14]}}
            """;
        int length = (int)BitConverter.ToInt64(bytes);
        Assert.Equal(0, length % 8);
        Assert.Equal(header, Encoding.UTF8.GetString(bytes, 8, length).TrimEnd(' '));
        Assert.Equal([2, 1], bytes[^2..]);
    }

    [Fact]
    public void A_name_given_twice_is_refused_before_writing()
    {
        TensorData tensor = new("a", TensorDataType.U8, [0], ReadOnlyMemory<byte>.Empty);
        LoraException exception = Assert.Throws<LoraException>(() => SafetensorsWriter.Write(folder.File("x"), [tensor, tensor]));
        Assert.Equal(LoraError.TensorDuplicate, exception.Error);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Bytes_that_do_not_fit_the_shape_are_refused() =>
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(folder.File("x"), [new("a", TensorDataType.F32, [2], new byte[4])]));

    private void WriteAgain(string file)
    {
        string copy = folder.File("copy.safetensors");
        SafetensorsWriter.Write(copy, SafetensorsFile.ReadAll(file), SafetensorsHeader.Read(file).Metadata is { Count: > 0 } metadata ? metadata : null);
        Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(copy)), file);
    }
}
