using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// What the adapters that are on amount to for code that goes on texts by itself: products of A and B, DoRA's scales, whose norms are taken once, biases, and what
/// changes embeddings and head. It holds for the values that the adapters have now, and for as long as they are on.
/// </summary>
internal sealed class DecodingChanges : IDisposable
{
    private readonly List<Tensor> owned = [];

    private DecodingChanges(IEnumerable<AdaptedLayer> layers, CausalLanguageModel model)
    {
        using IDisposable noGradient = no_grad();
        string embedding = model.Shape.EmbeddingWeight[..^".weight".Length], head = model.Shape.Head.Name;
        Dictionary<string, LowRankFactors> factors = new(StringComparer.Ordinal);
        List<AdaptedLayer> onHead = [];
        nn.Module<Tensor, Tensor>? table = null;

        // What is trained of a head in place of its own stands in its parameters, which are read where they lie.
        foreach (AdaptedLayer layer in layers.Where(layer => layer.ModuleName != head || layer is not TrainedModule))
        {
            if (layer.ModuleName == embedding)
            {
                table = (nn.Module<Tensor, Tensor>)layer.BaseLayer;
            }
            else if (layer is TokenLayer or TiedHeadLayer)
            {
                onHead.Add(layer); // these two are on a head where they are on no embedding
            }
            else if (FactorsOf(layer, model) is not LowRankFactors found)
            {
                Reason ??= $"'{layer.Name}' is {(layer is TrainedModule ? "trained whole" : "adapted otherwise than a linear layer")}";
            }
            else if (!factors.TryAdd(layer.Name, found) && !TryJoin(factors, layer.Name, found))
            {
                Reason ??= $"several adapters change '{layer.Name}'";
            }
        }

        if (factors.Values.Any(found => found.Shift is not null) && (model.Shape.Head is not { Scale: 1, Cap: null } || FusedBlock.In(model.Shape)?.All(block => block.ResidualScale == 1) != true))
        {
            Reason ??= "biases are trained where the model scales what its layers give";
        }

        Direct = Reason is not null ? null : new(factors)
        {
            Embed = table is null ? null : ids => table.call(ids),
            AddToLogits = onHead.Count == 0 ? null : hidden => Added(onHead, hidden, model.Shape.VocabularySize),
        };
    }

    /// <summary>What they change; null where it is more than vector code computes.</summary>
    public DirectChanges? Direct { get; }

    /// <summary>Why it is more; null where it is not.</summary>
    public string? Reason { get; }

    /// <summary>What layers amount to.</summary>
    /// <param name="layers">All layers that are on a model.</param>
    /// <param name="model">The model.</param>
    public static DecodingChanges Of(IEnumerable<AdaptedLayer> layers, CausalLanguageModel model) => new(layers, model);

    /// <inheritdoc/>
    public void Dispose() => owned.ForEach(tensor => tensor.Dispose());

    private static Tensor Added(List<AdaptedLayer> layers, Tensor hidden, long vocabulary)
    {
        Tensor logits = zeros([hidden.shape[0], vocabulary], dtype: ScalarType.Float32, device: hidden.device);
        layers.ForEach(layer => logits.Add(layer.Change(hidden, logits)!));
        return logits;
    }

    private LowRankFactors? FactorsOf(AdaptedLayer layer, CausalLanguageModel model)
    {
        using DisposeScope scope = NewDisposeScope();
        return layer switch
        {
            LoraLayer { Product: LinearProduct product } => product.AllFactors with { Shift = Owned(product.ScaledBias) },
            DoraLayer { Product: LinearProduct { Factors: LowRankFactors plain } } dora => plain with { Scale = Owned(dora.OutputScale()) },
            TrainedModule { ChangedParameters: ["bias"] } trained when trained.BaseLayer.OwnParameter("weight")?.shape is [long outputs, long inputs] =>
                Shifted(outputs, inputs, trained.Changes().Single().Addition, model.Device),
            _ => null,
        };
    }

    private LowRankFactors Shifted(long outputs, long inputs, Tensor shift, Device device)
    {
        Tensor down = Owned(empty([0, inputs], dtype: ScalarType.Float32, device: device))!, up = Owned(empty([outputs, 0], dtype: ScalarType.Float32, device: device))!;
        return new(down, up, down, up, Scaling: 1) { Shift = Owned(shift) };
    }

    /// <summary>A bias that is trained beside A and B of its layer.</summary>
    private static bool TryJoin(Dictionary<string, LowRankFactors> factors, string name, LowRankFactors found)
    {
        (LowRankFactors product, LowRankFactors bias) = found.Rank == 0 ? (factors[name], found) : (found, factors[name]);
        if (product.Rank == 0 || bias.Rank > 0 || product.Shift is not null)
        {
            return false;
        }

        factors[name] = product with { Shift = bias.Shift };
        return true;
    }

    private Tensor? Owned(Tensor? tensor)
    {
        if (tensor is not null)
        {
            owned.Add(tensor.DetachFromDisposeScope());
        }

        return tensor;
    }
}
