using Lora.Models;
using Lora.Selection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Makes the layers that a configuration asks for; nothing is attached or changed.</summary>
internal sealed class AdaptedLayers(IReadOnlyDictionary<string, nn.Module> modules, LoraConfig config, AdapterSettings settings)
{
    /// <summary>The low-rank layers, then the modules that are trained whole, then the biases, then rows of tokens.</summary>
    /// <exception cref="LoraException">TargetNotFound, TargetKindUnsupported or AdapterFeatureUnsupported.</exception>
    public IReadOnlyList<AdaptedLayer> Make(IReadOnlyList<AdapterTarget> targets)
    {
        targets = config.EnsureWeightTying ? [.. targets.Select(target => AtTable(target, targets))] : targets;
        HashSet<string> targeted = [.. targets.Where(target => target.Parameter is null).Select(target => target.Module)];
        // Layers reserve their values as they are made, and a run's saved state knows values by their order alone: it must stay.
        List<AdaptedLayer> layers = [.. targets.Select(Low)];
        layers.AddRange(TiedHeads([.. layers], targeted));

        // Entries may name a module twice, by itself and by one above it; it is trained once.
        layers.AddRange(Tied((config.ModulesToSave ?? []).SelectMany(Saved).DistinctBy(module => module.Name)));
        HashSet<string> saved = [.. layers.OfType<TrainedModule>().Select(layer => layer.Name)];
        layers.AddRange(Biases(targeted, saved));
        layers.AddRange(new TokenLayers(modules, config, settings.Arena).Make());
        return layers;
    }

    private AdaptedLayer Low(AdapterTarget target)
    {
        if (!modules.TryGetValue(target.Module, out nn.Module? module))
        {
            throw LoraException.Of(LoraError.TargetNotFound, target.Module, "target", target.Module, "");
        }

        // The weight of a linear layer is adapted as the layer is, whose product of W + s · B A is the same.
        if (target.Parameter is string parameter && !(parameter == "weight" && TorchModuleKind.Of(module, fanInFanOut: false) == LoraModuleKind.Linear))
        {
            return OfParameter(target, parameter, module);
        }

        // A program's own model has no headers to tell kinds from: what no product fits is refused here.
        if (module is not nn.Module<Tensor, Tensor> layer || Product(target, layer) is not LowRankProduct product)
        {
            throw LoraException.Of(
                LoraError.TargetKindUnsupported, target.Module, target.Module, module.GetName(), string.Join(", ", TargetResolver.AdaptedKinds));
        }

        return settings.UseDora
            ? new DoraLayer(target, layer, product, MagnitudeShape(layer, product), settings)
            : new LoraLayer(target.Module, layer, product, settings.Initialization);
    }

    private ParameterLayer OfParameter(AdapterTarget target, string parameter, nn.Module module)
    {
        if (module.OwnParameter(parameter) is null)
        {
            throw LoraException.Of(LoraError.TargetNotFound, target.Name, nameof(config.TargetParameter), target.Name, "");
        }

        // Tried, and let go at once: only to refuse before anything is attached.
        using ForwardHook? hook = ForwardHook.Before(module, () => { });
        return hook is null
            ? throw LoraException.Of(LoraError.TargetKindUnsupported, target.Name, target.Name, module.GetName(), "parameters of modules that take one to three tensors")
            : new(target, module, settings);
    }

    private LowRankProduct? Product(AdapterTarget target, nn.Module<Tensor, Tensor> layer) => TorchModuleKind.Of(layer, settings.FanInFanOut) switch
    {
        LoraModuleKind.Linear => new LinearProduct(target, layer, settings, isTransposed: false),
        LoraModuleKind.Conv1D => new LinearProduct(target, layer, settings, isTransposed: true),
        LoraModuleKind.Conv2d => new ConvolutionProduct(target, (Conv2d)layer, settings),
        LoraModuleKind.Embedding => new EmbeddingProduct(target, layer, settings),
        _ => null,
    };

    /// <summary>PEFT keeps the axes of a convolution.</summary>
    private static long[] MagnitudeShape(nn.Module<Tensor, Tensor> layer, LowRankProduct product) =>
        layer is Conv2d ? [1, product.Channels, 1, 1] : [product.Channels];

    /// <summary>A layer for each module with parameters that an entry names, itself or by a module above it.</summary>
    private IEnumerable<(string Name, nn.Module Module)> Saved(string entry)
    {
        KeyValuePair<string, nn.Module>[] named = [.. modules.Where(module => SavedModules.Holds(entry, module.Key))];
        return named.Length > 0
            ? named.Where(module => module.Value.OwnParameters().Any()).Select(module => (module.Key, module.Value))
            : throw LoraException.Of(LoraError.TargetNotFound, entry, nameof(config.ModulesToSave), entry, "");
    }

    /// <summary>With EnsureWeightTying a module that shares its weight is trained as one with the other.</summary>
    private IEnumerable<TrainedModule> Tied(IEnumerable<(string Name, nn.Module Module)> saved)
    {
        Dictionary<string, nn.Module> left = saved.ToDictionary(module => module.Name, module => module.Module, StringComparer.Ordinal);
        foreach (string embedding in config.EnsureWeightTying ? modules.Keys.Where(IsEmbedding) : [])
        {
            IReadOnlyList<string> heads = TiedWeights.HeadsOf(embedding, modules);
            if (heads.Count > 0 && heads.Append(embedding).Any(left.ContainsKey))
            {
                TrainedModule table = Whole(embedding, modules[embedding], isTied: true);
                left.Remove(embedding);
                yield return table;
                foreach (string head in heads)
                {
                    left.Remove(head);
                    yield return Whole(head, modules[head], isTied: true, table);
                }
            }
        }

        foreach ((string name, nn.Module module) in left)
        {
            yield return Whole(name, module);
        }
    }

    /// <summary>A head that stays tied is adapted by its embedding, whose layer it follows.</summary>
    private AdapterTarget AtTable(AdapterTarget target, IReadOnlyList<AdapterTarget> targets)
    {
        string? embedding = modules.Keys.FirstOrDefault(name => IsEmbedding(name) && TiedWeights.HeadsOf(name, modules).Contains(target.Module));
        return embedding is null || targets.Any(other => other.Module == embedding) ? target : target with { Module = embedding };
    }

    /// <summary>A layer for each head that shares the weight of an adapted embedding, where they are to stay one.</summary>
    private IEnumerable<TiedHeadLayer> TiedHeads(IReadOnlyList<AdaptedLayer> low, HashSet<string> targeted)
    {
        foreach (AdaptedLayer layer in config.EnsureWeightTying ? low : [])
        {
            string[] heads = layer is ILowRankLayer { Product: EmbeddingProduct } ? [.. TiedWeights.HeadsOf(layer.Name, modules)] : [];
            if (heads.FirstOrDefault(targeted.Contains) is string both)
            {
                throw LoraException.Of(LoraError.ConfigConflict, both, $"EnsureWeightTying adapts '{both}' as '{layer.Name}', whose weight it shares, and it is a target of its own");
            }

            if (heads.Length > 0 && layer is not LoraLayer)
            {
                throw LoraException.Of(LoraError.AdapterFeatureUnsupported, layer.Name, layer.Name, "DoRA on an embedding that stays tied (ensure_weight_tying)");
            }

            foreach (string head in heads)
            {
                yield return new(head, (nn.Module<Tensor, Tensor>)modules[head], (EmbeddingProduct)((LoraLayer)layer).Product, layer.Name);
            }
        }
    }

    private bool IsEmbedding(string name) => TorchModuleKind.Of(modules[name], fanInFanOut: false) == LoraModuleKind.Embedding;

    private TrainedModule Whole(string name, nn.Module module, bool isTied = false, TrainedModule? shared = null)
    {
        if (module is not nn.Module<Tensor, Tensor> layer)
        {
            throw LoraException.Of(LoraError.AdapterFeatureUnsupported, name, name, $"modules_to_save on a module of kind {module.GetName()}");
        }

        // A buffer may change while a model runs, and would stay changed when the copy is taken off.
        if (module.named_buffers(recurse: false).Any())
        {
            throw LoraException.Of(LoraError.AdapterFeatureUnsupported, name, name, "modules_to_save on a module with buffers");
        }

        if (module is QuantizedLinear)
        {
            throw LoraException.Of(LoraError.AdapterFeatureUnsupported, name, name, QuantizedWeights.NotTrained);
        }

        if (!isTied)
        {
            RefuseShared(name, layer.OwnParameters().Select(own => own.Value));
        }

        return new(name, layer, layer.OwnParameters().Select(own => (own.Name, own.Name)), settings.Arena, shared);
    }

    /// <summary>The biases to train; the key says whether PEFT has wrapped the module.</summary>
    private IEnumerable<TrainedModule> Biases(HashSet<string> targeted, HashSet<string> saved)
    {
        const string Bias = "bias";
        return
            from entry in modules
            where config.Bias == LoraBias.All || (config.Bias == LoraBias.LoraOnly && targeted.Contains(entry.Key))
            // A module that is trained whole has its bias with it.
            where !saved.Contains(entry.Key)
            let layer = entry.Value as nn.Module<Tensor, Tensor>
            where layer?.OwnParameter(Bias) is not null
            // PEFT wraps a targeted module, whose own bias is found below base_layer from then on.
            select new TrainedModule(entry.Key, layer, [(Bias, targeted.Contains(entry.Key) ? $"base_layer.{Bias}" : Bias)], settings.Arena);
    }

    /// <summary>A copy cannot be trained in one place of a tensor that is used in two.</summary>
    private void RefuseShared(string name, IEnumerable<Parameter> parameters)
    {
        string? other = parameters.SelectMany(parameter => ModuleParameters.Sharing(parameter, modules)).FirstOrDefault(module => module != name);
        if (other is not null)
        {
            throw LoraException.Of(LoraError.AdapterFeatureUnsupported, name, name, $"modules_to_save on a weight that '{other}' shares");
        }
    }
}
