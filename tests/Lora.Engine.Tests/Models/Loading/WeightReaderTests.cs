using Lora.Checkpoints;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public class WeightReaderTests
{
    [Theory]
    [InlineData(ScalarType.Float32, ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16, ScalarType.BFloat16)]
    [InlineData(ScalarType.BFloat16, ScalarType.Float32)]
    [InlineData(ScalarType.Float32, ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16, ScalarType.Float32)]
    [InlineData(ScalarType.Float64, ScalarType.Float32)]
    public void Values_of_many_slices_are_those_of_one_conversion(ScalarType stored, ScalarType held)
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        Tensor large = randn([1100, 2051], device: CPU, generator: new Generator(1, CPU)).to(stored); // more than two slices of 4 MiB in float32
        Tensor small = randn([3], device: CPU, generator: new Generator(2, CPU)).to(stored);
        string file = Path.Combine(folder.Path, "model.safetensors");
        SafetensorsWriter.Write(file, [Stored("large", large), Stored("small", small)]);
        using Checkpoint checkpoint = Checkpoint.Open(file);
        Tensor[] filled = [empty(large.shape, dtype: held, device: CPU), empty(small.shape, dtype: held, device: CPU)];

        WeightReader.Fill([(filled[0], Find(checkpoint, "large")), (filled[1], Find(checkpoint, "small"))], checkpoint);

        Assert.True(filled[0].Equals(large.to(held)));
        Assert.True(filled[1].Equals(small.to(held)));
    }

    [Fact]
    public void A_file_that_was_cut_off_since_it_was_opened_is_named()
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "model.safetensors");
        SafetensorsWriter.Write(file, [Stored("weight", ones([100], dtype: ScalarType.Float32, device: CPU))]);
        using Checkpoint checkpoint = Checkpoint.Open(file);
        using (FileStream stream = File.OpenWrite(file))
        {
            stream.SetLength(stream.Length - 4);
        }

        LoraException exception = Assert.Throws<LoraException>(
            () => WeightReader.Fill([(empty([100], dtype: ScalarType.Float32, device: CPU), Find(checkpoint, "weight"))], checkpoint));

        Assert.Equal(LoraError.SafetensorsTruncated, exception.Error);
    }

    private static TensorInfo Find(Checkpoint checkpoint, string name) =>
        checkpoint.TryFind(name, out TensorInfo? found) ? found : throw new ArgumentException(name, nameof(name));

    private static TensorData Stored(string name, Tensor values) => new(name, Type(values.dtype), values.shape, values.bytes.ToArray());

    private static TensorDataType Type(ScalarType type) =>
        Enum.GetValues<TensorDataType>().First(known => TensorType.IsKnown(known) && TensorType.Of(known) == type);
}
