using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Tests;

/// <summary>The tensors of a reference file, on the CPU, integers as int64.</summary>
internal sealed class GoldenTensors
{
    private readonly Dictionary<string, TensorData> tensors;

    public GoldenTensors(string path) => tensors = SafetensorsFile.ReadAll(path).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);

    public IEnumerable<string> Names => tensors.Keys;

    /// <summary>Reads a tensor; the caller owns it.</summary>
    public Tensor this[string name] => Read(tensors[name]);

    private static Tensor Read(TensorData data)
    {
        ScalarType type = data.DataType switch
        {
            TensorDataType.I32 => ScalarType.Int32,
            TensorDataType.I64 => ScalarType.Int64,
            TensorDataType.BF16 => ScalarType.BFloat16,
            TensorDataType.F64 => ScalarType.Float64,
            _ => ScalarType.Float32,
        };
        Tensor tensor = empty(data.Shape, dtype: type, device: CPU);
        data.Bytes.Span.CopyTo(tensor.bytes);
        return type == ScalarType.Int32 ? tensor.to(ScalarType.Int64) : tensor;
    }
}
