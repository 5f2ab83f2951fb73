using System.Text;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class SafetensorsHeaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Tensors_come_with_absolute_offsets_in_the_order_of_the_file()
    {
        string header = """{"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},"__metadata__":{"format":"pt"},"a":{"shape":[],"dtype":"F32","data_offsets":[0,4]} }""";
        SafetensorsHeader read = SafetensorsHeader.Read(folder.Write("x.safetensors", SafetensorsBytes.Make(header, 16)));

        Assert.Equal(["a", "b"], read.Tensors.Select(tensor => tensor.Name));
        TensorInfo b = read.Tensors[1];
        Assert.Equal((TensorDataType.BF16, 6L, 12L, 8L + header.Length + 4), (b.DataType, b.ElementCount, b.Length, b.Offset));
        Assert.Equal([2L, 3L], b.Shape);
        Assert.Equal("pt", read.Metadata["format"]);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, LoraError.SafetensorsTruncated)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, LoraError.SafetensorsTruncated)]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, LoraError.TensorDataTypeUnknown)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}""", 8, LoraError.TensorDuplicate)]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, LoraError.TensorOffsetsInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, LoraError.TensorOffsetsInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, LoraError.TensorOffsetsInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, LoraError.TensorOffsetsInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}}""", 8, LoraError.TensorOffsetsInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[0],"data_offsets":[9223372036854775807,9223372036854775807]}}""", 0, LoraError.TensorOffsetsInvalid)]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}""", 2, LoraError.TensorOffsetsInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}""", 8, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}""", 8, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""{"a":7}""", 8, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""{"__metadata__":{"format":1}}""", 0, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""{"__metadata__":[]}""", 0, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""{} {}""", 0, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("""[]""", 0, LoraError.SafetensorsHeaderInvalid)]
    [InlineData("", 0, LoraError.SafetensorsHeaderInvalid)]
    public void Each_fault_has_its_error(string header, int dataLength, LoraError expected)
    {
        string path = folder.Write("x.safetensors", SafetensorsBytes.Make(header, dataLength));
        LoraException exception = Assert.Throws<LoraException>(() => SafetensorsHeader.Read(path));
        Assert.Equal(expected, exception.Error);
    }

    [Fact]
    public void All_faults_of_a_file_are_reported_together()
    {
        string header = """{"a":7,"b":{"dtype":"F33","shape":[],"data_offsets":[0,0]},"c":{"dtype":"F32","shape":[1],"data_offsets":[0,5]},"b":1}""";
        string path = folder.Write("x.safetensors", SafetensorsBytes.Make(header, 0));

        LoraException exception = Assert.Throws<LoraException>(() => SafetensorsHeader.Read(path));

        Assert.Equal(
            [LoraError.SafetensorsHeaderInvalid, LoraError.TensorDataTypeUnknown, LoraError.TensorOffsetsInvalid, LoraError.TensorDuplicate],
            exception.Problems.Select(problem => problem.Error));
    }

    [Fact]
    public void A_file_shorter_than_its_header_is_truncated()
    {
        byte[] whole = SafetensorsBytes.OfVectors("a");
        foreach (int length in (int[])[0, 7, 8, 20])
        {
            string path = folder.Write("x.safetensors", whole.AsSpan(0, length));
            Assert.Equal(LoraError.SafetensorsTruncated, Assert.Throws<LoraException>(() => SafetensorsHeader.Read(path)).Error);
        }
    }

    [Fact]
    public void A_header_over_the_limit_is_refused_before_it_is_read()
    {
        byte[] zip = Encoding.Latin1.GetBytes("PK\u0003\u0004 a zip archive");
        LoraException exception = Assert.Throws<LoraException>(() => SafetensorsHeader.Read(folder.Write("x.safetensors", zip)));
        Assert.Equal(LoraError.SafetensorsHeaderTooLarge, exception.Error);
    }

    [Fact]
    public void A_name_of_very_many_parts_is_refused_by_its_beginning()
    {
        string name = string.Concat(Enumerable.Repeat("a.", 20_000)) + "weight";
        string path = folder.Write("x.safetensors", SafetensorsBytes.Make($$$"""{"{{{name}}}":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8));

        LoraException exception = Assert.Throws<LoraException>(() => SafetensorsHeader.Read(path));
        Assert.Equal(LoraError.SafetensorsHeaderInvalid, exception.Error);
        Assert.InRange(exception.Message.Length, 100, 1000);
    }

    [Fact]
    public void A_header_that_is_not_UTF8_is_refused()
    {
        string path = folder.Write("x.safetensors", SafetensorsBytes.Make([(byte)'{', 0xFF, (byte)'}'], 0));
        Assert.Equal(LoraError.SafetensorsHeaderInvalid, Assert.Throws<LoraException>(() => SafetensorsHeader.Read(path)).Error);
    }

    [Theory]
    [InlineData("{\"text\": \"a row\"}\n", "'{\"text\":'")]
    [InlineData("<!DOCTYPE html>", "'<!DOCTYP'")]
    [InlineData("[\n  {\"text\"", "'[   {\"te'")]
    public void A_text_is_named_as_one_by_what_it_begins_with(string text, string start)
    {
        LoraException exception = Assert.Throws<LoraException>(() => SafetensorsHeader.Read(folder.Write("train.jsonl", text)));

        Assert.Equal(LoraError.NotSafetensors, exception.Error);
        Assert.Contains($"begins with {start}.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.Equal(LoraError.PathNotFound, Assert.Throws<LoraException>(() => SafetensorsHeader.Read(folder.File("none"))).Error);
}
