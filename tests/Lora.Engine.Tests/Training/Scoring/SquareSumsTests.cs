using System.Numerics;
using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Sums of squares of stored values against float64's, and norms of whole files.</summary>
public sealed class SquareSumsTests : IDisposable
{
    // Float32 rounds each square and each of a few thousand additions, and of more the fewer lanes share them; the sums here are of random values.
    private static readonly double Tolerance = 8e-6 / Vector<float>.Count;

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("F32", 0)]
    [InlineData("F32", 3)]
    [InlineData("F32", 10_007)]
    [InlineData("BF16", 1)]
    [InlineData("BF16", 10_007)]
    [InlineData("F16", 5)]
    [InlineData("F16", 10_007)]
    public void They_are_those_of_float64_at_any_count(string type, int count)
    {
        (byte[] stored, double expected) = Values(type, count, seed: 1);

        Assert.InRange(SquareSums.Of(stored, TypeOf(type)), expected * (1 - Tolerance), expected * (1 + Tolerance));
    }

    [Fact]
    public void Every_value_of_float16_is_squared_as_what_it_is()
    {
        Assert.All(Enumerable.Range(0, ushort.MaxValue + 1), bits =>
        {
            double value = (double)BitConverter.UInt16BitsToHalf((ushort)bits);
            double sum = SquareSums.Of(BitConverter.GetBytes((ushort)bits), TensorDataType.F16);
            Assert.True(double.IsFinite(value) ? Math.Abs(sum - (value * value)) <= Tolerance * value * value : !double.IsFinite(sum), $"{bits:x4}: {sum}");
        });
    }

    [Theory]
    [InlineData("F32", float.NaN)]
    [InlineData("F32", float.NegativeInfinity)]
    [InlineData("BF16", float.NaN)]
    [InlineData("BF16", float.PositiveInfinity)]
    public void What_is_no_number_is_not_lost(string type, float value)
    {
        byte[] stored = new byte[1000];
        byte[] bad = BitConverter.GetBytes(value);
        (type == "F32" ? bad : bad[2..]).CopyTo(stored, 496);

        Assert.False(double.IsFinite(SquareSums.Of(stored, TypeOf(type))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Norms_of_matrices_of_several_slices_are_float64_s_whatever_the_threads(int threads)
    {
        (string Type, long[] Shape)[] matrices = [("F32", [301, 401]), ("BF16", [512, 700]), ("F16", [3, 5]), ("F32", [1, 65536])];
        double[] expected = new double[matrices.Length];
        SafetensorsWriter.Write(files.File("model.safetensors"), [.. matrices.Select((matrix, index) =>
        {
            (byte[] stored, double sum) = Values(matrix.Type, (int)(matrix.Shape[0] * matrix.Shape[1]), index);
            expected[index] = Math.Sqrt(sum);
            return new TensorData($"{index}.weight", TypeOf(matrix.Type), matrix.Shape, stored);
        })]);
        using Checkpoint checkpoint = Checkpoint.Open(files.File("model.safetensors"));

        double[] norms = StoredNorms.Of(checkpoint.Tensors, checkpoint, threads, CancellationToken.None);

        Assert.All(norms.Zip(expected), pair => Assert.InRange(pair.First, pair.Second * (1 - Tolerance), pair.Second * (1 + Tolerance)));
        Assert.Equal(StoredNorms.Of(checkpoint.Tensors, checkpoint, threads: 2, CancellationToken.None), norms);
    }

    [Fact]
    public void A_file_that_was_cut_off_is_named()
    {
        SafetensorsWriter.Write(files.File("model.safetensors"), [new("0.weight", TensorDataType.F32, [1000, 1000], new byte[4_000_000])]);
        using Checkpoint checkpoint = Checkpoint.Open(files.File("model.safetensors"));
        using (FileStream file = File.OpenWrite(files.File("model.safetensors")))
        {
            file.SetLength(1_000_000);
        }

        LoraException cut = Assert.Throws<LoraException>(() => StoredNorms.Of(checkpoint.Tensors, checkpoint, threads: 2, CancellationToken.None));

        Assert.Equal(LoraError.SafetensorsTruncated, cut.Error);
    }

    private static TensorDataType TypeOf(string name) => Enum.Parse<TensorDataType>(name);

    /// <summary>Random values about 0 as they are stored, and the sum of their squares in float64.</summary>
    private static (byte[] Stored, double Sum) Values(string type, int count, int seed)
    {
        Random random = new(seed);
        float[] values = [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 4) - 2))];
        switch (type)
        {
            case "F32":
                return (MemoryMarshal.AsBytes(values.AsSpan()).ToArray(), Sum(values.Select(value => (double)value)));
            case "F16":
                Half[] halves = [.. values.Select(value => (Half)value)];
                return (MemoryMarshal.AsBytes(halves.AsSpan()).ToArray(), Sum(halves.Select(value => (double)value)));
            default:
                ushort[] uppers = [.. values.Select(value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))];
                return (MemoryMarshal.AsBytes(uppers.AsSpan()).ToArray(), Sum(uppers.Select(upper => (double)BitConverter.UInt32BitsToSingle((uint)upper << 16))));
        }

        static double Sum(IEnumerable<double> values) => values.Sum(value => value * value);
    }
}
