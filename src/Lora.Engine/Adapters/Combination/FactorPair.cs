using Lora.Checkpoints;
using Lora.Selection;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>A and B of one module, or of one parameter, of one adapter, with its scaling.</summary>
/// <param name="Down">A, [rank, ...]; of several experts [experts · rank, in].</param>
/// <param name="Up">B, [out, rank, ...]; of several experts [out, rank · experts].</param>
/// <param name="Scaling">s, with the module's own rank and alpha.</param>
internal sealed record FactorPair(TensorData Down, TensorData Up, double Scaling)
{
    private static readonly (string Down, string Up)[] Endings = [(".lora_A.weight", ".lora_B.weight"), (".lora_embedding_A", ".lora_embedding_B")];

    /// <summary>The module and its parameter that are adapted, where it is one by itself; null for a module.</summary>
    public (string Module, string Parameter)? Parameter { get; init; }

    /// <summary>How many experts the factors are of, each with a product of its own; 1 for all else.</summary>
    public long Experts { get; init; } = 1;

    /// <summary>r.</summary>
    public long Rank => Down.Shape[0] / Experts;

    /// <summary>Whether a key is that of an A or a B.</summary>
    public static bool IsFactor(string key) =>
        Endings.Any(ending => key.EndsWith(ending.Down, StringComparison.Ordinal) || key.EndsWith(ending.Up, StringComparison.Ordinal));

    /// <summary>The pairs of an adapter by the names that the model's listing has for their modules or parameters, in the file's order.</summary>
    public static IReadOnlyDictionary<string, FactorPair> Of(LoraAdapter adapter)
    {
        LoraConfig config = adapter.Config;
        PatternTable alphas = new(config.AlphaPattern);
        PatternTable ranks = new(config.RankPattern);
        ParameterKeys parameters = new(config, adapter.Tensors.Select(tensor => tensor.Name));
        Dictionary<string, TensorData> tensors = adapter.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        Dictionary<string, FactorPair> pairs = new(StringComparer.Ordinal);
        foreach (TensorData down in adapter.Tensors)
        {
            foreach ((string downEnding, string upEnding) in Endings.Where(ending => down.Name.EndsWith(ending.Down, StringComparison.Ordinal)))
            {
                string path = down.Name[..^downEnding.Length];
                string owner = path[PeftKey.Prefix.Length..];
                string name = parameters.NameOf(owner);
                (string, string)? parameter = parameters.Find(owner);

                // A stack of one A an expert tells its rank in the configuration alone.
                long rank = parameter is null ? down.Shape[0] : (long)ranks.ValueOf(name, config.Rank);
                double alpha = alphas.ValueOf(name, config.Alpha);
                // AdapterWeightRules, which is asked before, has made sure that no A is without its B.
                pairs.Add(parameters.ListedAs(owner), new(down, tensors[path + upEnding], config.ScalingOf((int)rank, alpha)) { Parameter = parameter, Experts = down.Shape[0] / rank });
            }
        }

        return pairs;
    }

    /// <summary>A as a matrix [rank, columns], float32.</summary>
    public Tensor DownMatrix() => Matrix(Down);

    /// <summary>B as a matrix [out, rank], float32.</summary>
    public Tensor UpMatrix() => Matrix(Up);

    /// <summary>The pairs of the experts, one after another; the pair's own for all else.</summary>
    public IEnumerable<(Tensor Down, Tensor Up)> Matrices()
    {
        ExpertLayout stack = new(Experts, HasInputsFirst: false);
        return Experts == 1 ? [(DownMatrix(), UpMatrix())] : stack.DownOf(DownMatrix()).unbind(0).Zip(stack.UpOf(UpMatrix()).unbind(0));
    }

    /// <summary>The same pair with other matrices, whose rank may differ.</summary>
    public IEnumerable<TensorData> With(Tensor down, Tensor up)
    {
        // As in the file: a convolution's A is [rank, in, kernel ...] and its B [out, rank, 1 ...].
        yield return AdapterTensors.Copy(Down.Name, down.view([down.shape[0], .. Down.Shape[1..]]));
        yield return AdapterTensors.Copy(Up.Name, up.view([up.shape[0], up.shape[1], .. Up.Shape[2..]]));
    }

    private static Tensor Matrix(TensorData data) => AdapterTensors.Read(data).to(ScalarType.Float32).flatten(1);
}

/// <summary>One adapter's part in a module, with its weight in the combination.</summary>
internal sealed record WeightedPair(FactorPair Pair, double Weight)
{
    /// <summary>w · s, the factor of B A.</summary>
    public double Factor => Weight * Pair.Scaling;
}
