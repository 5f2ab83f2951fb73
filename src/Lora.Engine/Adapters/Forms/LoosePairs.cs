using System.Globalization;
using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Adapters;

/// <summary>The pairs of A and B of a file without a configuration, under the names that the file gives its modules.</summary>
/// <param name="Format">The file's form.</param>
/// <param name="Pairs">The pairs, in the file's order.</param>
/// <param name="Others">The last parts of tensors that belong to no pair, for example <c>diff_b</c> or <c>dora_scale</c>.</param>
internal sealed record LoosePairs(LoraAdapterFormat Format, IReadOnlyList<LoosePair> Pairs, IReadOnlyList<string> Others)
{
    private const string Alpha = ".alpha";

    // Of what stands before A and B the module keeps the first part: XLabs' processors of Flux have several layers each.
    private static readonly (string Module, string Down, string Up, LoraAdapterFormat Format)[] Endings =
    [
        ("", ".lora_down.weight", ".lora_up.weight", LoraAdapterFormat.Kohya),
        ("", ".lora_A.weight", ".lora_B.weight", LoraAdapterFormat.Diffusers),
        ("", ".lora.down.weight", ".lora.up.weight", LoraAdapterFormat.Diffusers),
        ("", ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight", LoraAdapterFormat.Diffusers),
        .. new[] { "qkv_lora", "qkv_lora1", "qkv_lora2", "proj_lora", "proj_lora1", "proj_lora2" }.Select(layer => (".processor." + layer, ".down.weight", ".up.weight", LoraAdapterFormat.Diffusers)),
    ];

    /// <summary>The form that a file with these tensors has; null when none is an A.</summary>
    public static LoraAdapterFormat? FormatOf(IEnumerable<string> names)
    {
        LoraAdapterFormat[] found = [.. names.SelectMany(name => Endings.Where(ending => name.EndsWith(ending.Module + ending.Down, StringComparison.Ordinal))).Select(ending => ending.Format)];
        // By the enum's order: a file with pairs of both forms goes by that of sd-scripts.
        return found.Length == 0 ? null : found.Min();
    }

    /// <summary>Sorts a file's tensors into pairs.</summary>
    /// <exception cref="LoraException">AdapterWeightsInvalid: an A without its B, or shapes that do not fit.</exception>
    public static LoosePairs Of(IReadOnlyList<TensorData> tensors, string source)
    {
        TensorFaults faults = new(source, source);
        Dictionary<string, TensorData> left = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        List<LoosePair> pairs = [];
        foreach (TensorData down in tensors)
        {
            foreach ((_, string downEnding, string upEnding, _) in Endings.Where(ending => down.Name.EndsWith(ending.Module + ending.Down, StringComparison.Ordinal)))
            {
                string name = down.Name[..^downEnding.Length];
                left.Remove(down.Name);
                left.Remove(name + Alpha, out TensorData? alpha);
                if (!left.Remove(name + upEnding, out TensorData? up))
                {
                    faults.Add(down.Name, $"there is no '{upEnding[1..]}' beside it");
                }
                else if (down.Shape.Length < 2 || up.Shape.Length < 2 || down.Shape[0] != up.Shape[1] || down.Shape[0] == 0)
                {
                    faults.Add(down.Name, $"the shapes [{string.Join(", ", down.Shape)}] and [{string.Join(", ", up.Shape)}] have no rank in common");
                }
                else if (!TensorType.IsKnown(down.DataType) || !TensorType.IsKnown(up.DataType))
                {
                    faults.Add(down.Name, $"the dtype is none of {TensorType.Names}");
                }
                else
                {
                    pairs.Add(new(name, down, up, alpha is null ? null : Number(alpha, faults)));
                }
            }
        }

        LoraException.ThrowIfAny(faults.Problems());
        return new(
            FormatOf(tensors.Select(tensor => tensor.Name)) ?? throw LoraException.Of(LoraError.AdapterWeightsInvalid, source, source, "it holds no pair of A and B"),
            pairs,
            [.. left.Keys.Select(PeftKey.Parameter).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]);
    }

    private static double Number(TensorData alpha, TensorFaults faults)
    {
        double value = alpha.Bytes.Length == 0 ? double.NaN : alpha.DataType switch
        {
            TensorDataType.F32 => BitConverter.ToSingle(alpha.Bytes.Span),
            TensorDataType.F16 => (double)BitConverter.ToHalf(alpha.Bytes.Span),
            TensorDataType.BF16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(alpha.Bytes.Span) << 16),
            TensorDataType.F64 => BitConverter.ToDouble(alpha.Bytes.Span),
            TensorDataType.I64 => BitConverter.ToInt64(alpha.Bytes.Span),
            TensorDataType.I32 => BitConverter.ToInt32(alpha.Bytes.Span),
            _ => double.NaN,
        };
        if (!(value >= 0 && value <= float.MaxValue))
        {
            faults.Add(alpha.Name, string.Create(CultureInfo.InvariantCulture, $"alpha is {value}; expected is a finite number from 0"));
        }

        return value;
    }
}

/// <summary>A and B of one module of such a file.</summary>
/// <param name="Name">The module as the file names it.</param>
/// <param name="Down">A, [rank, ...].</param>
/// <param name="Up">B, [out, rank, ...].</param>
/// <param name="Alpha">The numerator of the scaling; null where the file has none and the scaling is 1.</param>
internal sealed record LoosePair(string Name, TensorData Down, TensorData Up, double? Alpha)
{
    /// <summary>s.</summary>
    public double Scaling => Alpha is double alpha ? alpha / Down.Shape[0] : 1;
}
