using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The torch dtype of a stored tensor.</summary>
internal static class TensorType
{
    private static readonly Dictionary<TensorDataType, ScalarType> Known = new()
    {
        [TensorDataType.F64] = ScalarType.Float64,
        [TensorDataType.F32] = ScalarType.Float32,
        [TensorDataType.F16] = ScalarType.Float16,
        [TensorDataType.BF16] = ScalarType.BFloat16,
    };

    /// <summary>Whether weights of that dtype can be trained on.</summary>
    public static bool IsKnown(TensorDataType dataType) => Known.ContainsKey(dataType);

    /// <summary>The dtypes that can be trained on, for messages.</summary>
    public static string Names => string.Join(", ", Known.Keys.Select(type => type.ToName()));

    /// <summary>The torch dtype of a tensor that the checks let through.</summary>
    public static ScalarType Of(TensorDataType dataType) => Known[dataType];

    /// <summary>How a file names a dtype that can be trained on.</summary>
    public static TensorDataType Of(ScalarType type) => Known.First(pair => pair.Value == type).Key;
}
