using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class WeightDigestTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void The_same_tensors_have_one_digest_however_they_are_spread_over_files()
    {
        TensorData[] tensors = [Tensor("a", 8), Tensor("b", 100_000)];
        SafetensorsWriter.Write(files.File("one.safetensors"), tensors, new Dictionary<string, string> { ["format"] = "pt" });
        Directory.CreateDirectory(files.File("two"));
        SafetensorsWriter.Write(files.File("two/model-00001-of-00002.safetensors"), [tensors[1]]);
        SafetensorsWriter.Write(files.File("two/model-00002-of-00002.safetensors"), [tensors[0]]);

        string digest = WeightDigest.Of(files.File("one.safetensors"));

        Assert.Equal(64, digest.Length);
        Assert.Equal(digest, WeightDigest.Of(files.File("two")));
    }

    public static TheoryData<string, string, int, int> Others { get; } = new()
    {
        { "another name", "c", 100_000, -1 },
        { "another shape", "b", 100_001, -1 },
        { "another first byte", "b", 100_000, 0 },
        { "another byte in the middle", "b", 100_000, 50_000 },
        { "another last byte", "b", 100_000, 99_999 },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void Other_tensors_have_another(string what, string name, int length, int changed)
    {
        SafetensorsWriter.Write(files.File("one.safetensors"), [Tensor("b", 100_000)]);
        SafetensorsWriter.Write(files.File("other.safetensors"), [Tensor(name, length, changed)]);

        Assert.True(WeightDigest.Of(files.File("one.safetensors")) != WeightDigest.Of(files.File("other.safetensors")), what);
    }

    [Fact]
    public void Another_dtype_of_the_same_bytes_is_another()
    {
        TensorData tensor = Tensor("b", 64);
        SafetensorsWriter.Write(files.File("one.safetensors"), [tensor]);
        SafetensorsWriter.Write(files.File("other.safetensors"), [tensor with { DataType = TensorDataType.I8 }]);

        Assert.NotEqual(WeightDigest.Of(files.File("one.safetensors")), WeightDigest.Of(files.File("other.safetensors")));
    }

    private static TensorData Tensor(string name, int length, int changed = -1)
    {
        byte[] bytes = [.. Enumerable.Range(0, length).Select(index => (byte)(index % 251))];
        if (changed >= 0)
        {
            bytes[changed]++;
        }

        return new(name, TensorDataType.U8, [length], bytes);
    }
}
