using System.Globalization;
using Lora.Checkpoints;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>A state file whose tensors or numbers are not those of the run is refused by name. torch would end the process on some of them.</summary>
public sealed class DamagedStateTests : IDisposable
{
    private static readonly TrainingOptions Options = ExampleRun.Options with { MaxStep = 6, SaveStep = 2 };

    private readonly TemporaryFolder folder = new();

    public DamagedStateTests()
    {
        using CancellationTokenSource cancellation = new();
        ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = folder.Path }, new RecordingObserver(step => cancellation.Cancel()), cancellation.Token);
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(nameof(TrainingState.Values), TensorDataType.F32, 0)]
    [InlineData(nameof(TrainingState.Values), TensorDataType.I64, 1)]
    [InlineData(nameof(TrainingState.Mean), TensorDataType.F32, 1)]
    [InlineData(nameof(TrainingState.Variance), TensorDataType.BF16, 2)]
    [InlineData(nameof(TrainingState.Variance), TensorDataType.Bool, 2)]
    [InlineData(nameof(TrainingState.Generator), TensorDataType.U8, 1)]
    [InlineData(nameof(TrainingState.Generator), TensorDataType.U8, 5056)]
    [InlineData(nameof(TrainingState.Generator), TensorDataType.I8, 5056)]
    public void A_tensor_of_another_kind(string name, TensorDataType type, int length)
    {
        // A length of 0 stands for a scalar.
        long[] shape = length == 0 ? [] : [length];
        byte[] bytes = new byte[type.ByteSize(shape)!.Value];
        bytes.AsSpan().Fill(0xFF);
        Check(tensors => [.. tensors.Where(tensor => tensor.Name != name), new(name, type, shape, bytes)], metadata => metadata);
    }

    [Theory]
    [InlineData("step", -5)]
    [InlineData("step", 2_000_000_000)]
    [InlineData("updates", -3)]
    [InlineData("updates", 5)]
    public void A_number_that_cannot_be(string key, int value) => Check(
        tensors => tensors,
        metadata => new Dictionary<string, string>(metadata) { [key] = value.ToString(CultureInfo.InvariantCulture) });

    private void Check(
        Func<IReadOnlyList<TensorData>, IReadOnlyList<TensorData>> tensors, Func<IReadOnlyDictionary<string, string>, IReadOnlyDictionary<string, string>> metadata)
    {
        string path = folder.File(TrainingStateFile.Name);
        SafetensorsWriter.Write(path, tensors(SafetensorsFile.ReadAll(path)), metadata(SafetensorsHeader.Read(path).Metadata));
        LoraException exception = Assert.Throws<LoraException>(() => ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = folder.Path, Resume = true }));
        Assert.Equal(LoraError.ResumeRefused, exception.Error);
    }
}
