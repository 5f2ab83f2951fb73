using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Kernels;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Quantization;

/// <summary>One module of a quantised checkpoint, written as a file and read back.</summary>
internal sealed class StoredCase : IDisposable
{
    public const string Module = "model.layers.0.mlp.up_proj";

    private readonly TemporaryFolder folder = new();

    /// <param name="config">config.json's quantization_config.</param>
    /// <param name="parts">What the module has.</param>
    public StoredCase(string config, params (string Name, TensorDataType Type, long[] Shape, Array Values)[] parts)
    {
        folder.Write("config.json", $$"""{"model_type": "llama", "quantization_config": {{config}}}""");
        SafetensorsWriter.Write(folder.File("model.safetensors"), parts.Select(part => new TensorData($"{Module}.{part.Name}", part.Type, part.Shape, Bytes(part.Values))));
    }

    public string Folder => folder.Path;

    public void Dispose() => folder.Dispose();

    /// <summary>Writes config.json anew.</summary>
    public void Config(string text) => folder.Write("config.json", text);

    /// <summary>The values in float32, or in another dtype and widened.</summary>
    public float[] Values(long[] shape, string parameter = "weight", ScalarType type = ScalarType.Float32)
    {
        using DisposeScope scope = NewDisposeScope();
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        Tensor values = zeros(shape, dtype: type, device: CPU);
        Open(checkpoint, shape, parameter).Fill(values);
        return values.to(ScalarType.Float32).data<float>().ToArray();
    }

    /// <summary>The matrix in 4 bits, and its values by a set of kernels.</summary>
    public float[] TakenValues(long[] shape, IKernels kernels)
    {
        using DisposeScope scope = NewDisposeScope();
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
        using FourBitMatrix matrix = ((BitsAndBytesWeight)Open(checkpoint, shape, "weight")).Take(ScalarType.Float32);
        Tensor values = zeros(shape, dtype: ScalarType.Float32, device: CPU);
        kernels.Dequantize(FourBitStack.Of(matrix), values);
        return values.data<float>().ToArray();
    }

    /// <summary>The reason that the form is refused for.</summary>
    public string Refusal(long[] shape, string parameter = "weight")
    {
        LoraException exception = Assert.Throws<LoraException>(() => Values(shape, parameter));
        Assert.Equal(LoraError.QuantizedWeightInvalid, exception.Error);
        return exception.Message;
    }

    /// <summary>Each value against one that was worked out in float64 from the form's description; float32 rounds two or three times.</summary>
    public void Check(double[] expected, long[] shape, string parameter = "weight")
    {
        float[] values = Values(shape, parameter);
        Assert.Equal(expected.Length, values.Length);
        for (int index = 0; index < expected.Length; index++)
        {
            Assert.True(Math.Abs(expected[index] - values[index]) <= Math.Abs(expected[index]) * 3e-7, $"{index}: {values[index]:R}, not {expected[index]:R}");
        }
    }

    /// <summary>Numbers that one seed gives, from 0 to below a bound.</summary>
    public static int[] Codes(int count, int bound, int seed = 1)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(bound))];
    }

    /// <summary>Scales that float16 holds exactly.</summary>
    public static Half[] Scales(int count, int seed = 2)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (Half)(0.001 + (0.02 * random.NextDouble())))];
    }

    /// <summary>Codes one after the other as a stream of bits, lowest first, in words of 32.</summary>
    public static uint[] Stream(IEnumerable<int> codes, int bits)
    {
        List<bool> stream = [.. codes.SelectMany(code => Enumerable.Range(0, bits).Select(bit => ((code >> bit) & 1) == 1))];
        return [.. stream.Chunk(32).Select(word => word.Select((isSet, bit) => isSet ? 1u << bit : 0).Aggregate(0u, (all, one) => all | one))];
    }

    private static StoredWeight Open(Checkpoint checkpoint, long[] shape, string parameter)
    {
        ModuleNode node = ModuleTree.Of(checkpoint).Nodes[Module];
        StatedQuantization? stated = ModelIdentity.Read(checkpoint.Folder!).Quantization;
        StoredMatrix stored = new StoredMatrixRules(stated, checkpoint).Of(node.Parts) ?? throw new ArgumentException("The module is not quantised.", nameof(checkpoint));
        return StoredForms.Of(stored, new(Module, stored.ToString(), node.Parts, stated, checkpoint), parameter, shape);
    }

    public static byte[] Bytes(Array values) => values switch
    {
        byte[] bytes => bytes,
        sbyte[] numbers => MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray(),
        int[] numbers => MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray(),
        uint[] numbers => MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray(),
        long[] numbers => MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray(),
        Half[] numbers => MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray(),
        float[] numbers => MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray(),
        _ => throw new ArgumentException("No bytes are known of it.", nameof(values)),
    };
}
