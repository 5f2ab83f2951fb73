using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>What an adapter does to the parameters of one module.</summary>
/// <param name="Name">The module's dotted name.</param>
internal sealed record ModuleMerge(string Name)
{
    /// <summary>A, B and s; null when the module has no low-rank product.</summary>
    public FactorPair? Factors { get; init; }

    /// <summary>The parameter that the product is added to.</summary>
    public string FactorParameter => Factors?.Parameter?.Parameter ?? "weight";

    /// <summary>Where the weight has its output channels.</summary>
    public WeightLayout Layout { get; init; } = WeightLayout.OutputsFirst;

    /// <summary>DoRA's m; null without DoRA.</summary>
    public TensorData? Magnitude { get; init; }

    /// <summary>The bias of B; null when it has none.</summary>
    public TensorData? FactorBias { get; init; }

    /// <summary>Rows of the weight that were trained for single tokens, with the tokens' ids; null for none.</summary>
    public (TensorData Values, int[] Ids)? Rows { get; init; }

    /// <summary>Parameters that were trained whole, by their names.</summary>
    public IReadOnlyDictionary<string, TensorData> Whole { get; init; } = new Dictionary<string, TensorData>();

    /// <summary>Whether each row of a merged parameter hangs on that row of the base alone.</summary>
    public bool GoesByRow(string parameter) => parameter == FactorParameter && Factors is not null && Layout == WeightLayout.OutputsFirst && !Whole.ContainsKey(parameter);

    /// <summary>What the adapter does to some rows of a parameter that goes by row: those of B, and of DoRA's m.</summary>
    public ModuleMerge OfRows(long first, long count)
    {
        long all = Factors!.Up.Shape[0];
        return this with { Factors = Factors with { Up = RowsOf(Factors.Up, [count, .. Factors.Up.Shape[1..]]) }, Magnitude = Magnitude is null ? null : RowsOf(Magnitude, [count]) };

        TensorData RowsOf(TensorData data, long[] shape)
        {
            int row = (int)(data.Bytes.Length / all);
            return data with { Shape = shape, Bytes = data.Bytes.Slice((int)(first * row), (int)(count * row)) };
        }
    }

    /// <summary>A parameter with the adapter added: summed in float32 (float64 for a float64 parameter) and rounded once.</summary>
    /// <param name="parameter">Its name in the module.</param>
    /// <param name="stored">Its values in the base model; they may be written over.</param>
    /// <param name="type">The dtype of the result; null for the parameter's own.</param>
    public Tensor Merged(string parameter, Tensor stored, ScalarType? type = null)
    {
        Tensor values = Whole.TryGetValue(parameter, out TensorData? whole) ? AdapterTensors.Read(whole) : stored;
        Tensor sum = values.dtype == ScalarType.Float64 ? values : values.to(ScalarType.Float32);
        return ((parameter, Factors, FactorBias) switch
        {
            (_, FactorPair factors, _) when parameter == FactorParameter => WithProduct(sum, factors),
            ("weight", null, _) when Rows is (TensorData rows, int[] ids) => sum.index_copy_(0, tensor(ids, dtype: ScalarType.Int64), AdapterTensors.Read(rows).to(sum.dtype)),
            ("bias", FactorPair factors, TensorData bias) => sum.Add(AdapterTensors.Read(bias).to(ScalarType.Float32), factors.Scaling),
            _ => sum,
        }).to(type ?? stored.dtype).contiguous();
    }

    /// <summary>W + s · B A, summed in place, with the magnitudes of DoRA when there are any.</summary>
    private Tensor WithProduct(Tensor weight, FactorPair factors)
    {
        Tensor down = AdapterTensors.Read(factors.Down).to(ScalarType.Float32);
        Tensor up = AdapterTensors.Read(factors.Up).to(ScalarType.Float32);
        Tensor direction = weight.Add(Layout.Product(down, up).Multiply(factors.Scaling));
        return Magnitude is null ? direction : Layout.WithMagnitude(direction, AdapterTensors.Read(Magnitude).to(ScalarType.Float32));
    }
}
