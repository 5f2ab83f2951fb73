using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using Lora.Selection;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>An adapter on a language model whose values stand somewhere away from their start, as after a training.</summary>
internal static class TrainedAdapter
{
    /// <summary>The adapter as a file holds it, and the logits of the model that it is attached to.</summary>
    public static (LoraAdapter Adapter, Tensor Logits) On(string model, LoraConfig config, Tensor ids, bool allowUnmatched = false)
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel loaded = ModelLoader.Load(model, CPU, ScalarType.Float32);
        ModuleTree tree = ModuleTree.Read(model);
        ResolvedTargets resolved = TargetResolver.Resolve(config, tree.Modules, tree.Containers, tree.ModelType, allowUnmatched);
        AdapterTarget[] targets = [.. resolved.Targets.Select(target => new AdapterTarget(target.Module.Name, target.Rank, target.Scaling))];
        using AttachedAdapter attached = new(loaded, config, targets, CPU, seed: 5);
        using IDisposable noGradient = no_grad();
        using Generator generator = new(7, CPU);
        foreach (Parameter parameter in attached.Arena.Parameters.Select(parameter => parameter.Value))
        {
            parameter.Add(randn(parameter.shape, generator: generator), 0.05);
        }

        return (AdapterTensors.Snapshot(attached, config), loaded.call(ids).MoveToOuterDisposeScope());
    }

    /// <summary>The logits of a model as it lies on the disk, float32.</summary>
    public static Tensor Logits(string model, Tensor ids)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using CausalLanguageModel loaded = ModelLoader.Load(model, CPU, ScalarType.Float32);
        return loaded.call(ids).MoveToOuterDisposeScope();
    }
}
