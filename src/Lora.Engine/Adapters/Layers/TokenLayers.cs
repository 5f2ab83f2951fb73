using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Makes the layers of tokens whose rows are trained (PEFT's trainable_token_indices).</summary>
internal sealed class TokenLayers(IReadOnlyDictionary<string, nn.Module> modules, LoraConfig config, ParameterArena arena)
{
    private readonly string? embedding = modules.FirstOrDefault(module => IsEmbedding(module.Value) && ModuleRole.IsTokenEmbedding(module.Key)).Key;

    /// <summary>A layer for each module, and one for each head that shares the weight of one and has no tokens of its own or the same.</summary>
    /// <exception cref="LoraException">TargetNotFound or TargetKindUnsupported.</exception>
    public IReadOnlyList<TokenLayer> Make()
    {
        (string Name, int[] Indices)[] named = [.. (config.TrainableToken ?? []).GroupBy(token => token.Module)
            .SelectMany(tokens => Named(tokens.Key).Select(name => (name, tokens.Select(token => token.Index).ToArray())))];
        List<TokenLayer> layers = [];
        HashSet<string> done = [];

        // Embeddings first: a tied head goes by theirs.
        foreach ((string name, int[] indices) in named.OrderBy(entry => !IsEmbedding(modules[entry.Name])))
        {
            if (done.Add(name))
            {
                TokenLayer layer = new(name, Layer(name), indices, !IsEmbedding(modules[name]), arena);
                layers.Add(layer);
                foreach (string head in IsEmbedding(modules[name]) ? TiedWeights.HeadsOf(name, modules) : [])
                {
                    int[]? other = named.FirstOrDefault(entry => entry.Name == head).Indices;
                    if (config.EnsureWeightTying && other?.SequenceEqual(indices) == false)
                    {
                        throw LoraException.Of(LoraError.ConfigConflict, head, $"EnsureWeightTying needs the same tokens for '{name}' and '{head}', and they differ");
                    }

                    if ((other is null || other.SequenceEqual(indices)) && done.Add(head))
                    {
                        layers.Add(new(head, Layer(head), indices, isHead: true, arena, layer));
                    }
                }
            }
        }

        return layers;
    }

    private string[] Named(string? entry)
    {
        string[] found = entry is null ? [.. new[] { embedding }.OfType<string>()]
            : [.. modules.Keys.Where(name => name == entry || name.EndsWith("." + entry, StringComparison.Ordinal))];
        return found.Length > 0 ? found
            : throw LoraException.Of(LoraError.TargetNotFound, entry, nameof(config.TrainableToken), entry ?? "the embedding of the input tokens", "");
    }

    private nn.Module<Tensor, Tensor> Layer(string name) => modules[name] is nn.Module<Tensor, Tensor> layer && TorchModuleKind.Of(layer, fanInFanOut: false) is LoraModuleKind.Embedding or LoraModuleKind.Linear
        ? layer
        : throw LoraException.Of(LoraError.TargetKindUnsupported, name, name, modules[name].GetName(), $"{LoraModuleKind.Embedding}, {LoraModuleKind.Linear} for {nameof(config.TrainableToken)}");

    private static bool IsEmbedding(nn.Module module) => TorchModuleKind.Of(module, fanInFanOut: false) == LoraModuleKind.Embedding;
}
