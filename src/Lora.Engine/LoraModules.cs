using Lora.Adapters;
using Lora.Native;
using Lora.Selection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora;

/// <summary>LoRA for a TorchSharp model that a program built itself.</summary>
public static class LoraModules
{
    /// <summary>
    /// Puts a new adapter on a model. Linear, Embedding and Conv2d modules can be adapted, and modules of the program's own classes whose weight is
    /// stored [in, out] (<see cref="LoraConfig.FanInFanOut"/>). The model's own parameters are frozen until its last adapter is disposed. A model
    /// can have several adapters: the changes of those that are enabled add up.
    /// </summary>
    /// <param name="model">The model; its modules go by their dotted names. They have to be called with <c>call</c>, since <c>forward</c> passes adapters by.</param>
    /// <param name="config">What is adapted and how.</param>
    /// <param name="seed">Seed of the start and of the dropout.</param>
    /// <exception cref="LoraException">Everything that is wrong with the configuration or does not fit the model; the model is as it was then.</exception>
    public static AttachedLora Attach(nn.Module model, LoraConfig config, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        LoraException.ThrowIfAny(LoraConfigRules.CheckBegin(config));
        return Put(model, config, seed);
    }

    /// <summary>Puts a stored adapter on a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">The adapter, for example of <see cref="AdapterFolder.Load"/>.</param>
    /// <param name="seed">Seed of the dropout.</param>
    /// <exception cref="LoraException">Everything in which the adapter does not fit the model; the model is as it was then.</exception>
    public static AttachedLora Load(nn.Module model, LoraAdapter adapter, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        AttachedLora attached = Put(model, adapter.Config, seed);
        try
        {
            attached.Load(adapter);
            return attached;
        }
        catch
        {
            attached.Dispose();
            throw;
        }
    }

    private static AttachedLora Put(nn.Module model, LoraConfig config, int seed)
    {
        TorchLibrary.Load();
        ModuleListing listing = ModuleListing.Of(model, config.FanInFanOut);
        ResolvedTargets resolved = TargetResolver.Resolve(config, listing.Modules, listing.Containers, modelType: null);
        AdapterTarget[] targets = AdapterTarget.Of(resolved);
        LoraConfig saved = FileTargets.Spell(config, resolved);

        FrozenParameters frozen = new(model);
        try
        {
            return new(new(model, saved, targets, DeviceOf(model), unchecked((ulong)seed)), saved, frozen);
        }
        catch
        {
            frozen.Dispose();
            throw;
        }
    }

    private static Device DeviceOf(nn.Module model) => model.parameters().FirstOrDefault() is Parameter first ? first.device : CPU;
}

/// <summary>A module that holds the weights of several experts in parameters of three dimensions.</summary>
public interface ILoraExperts
{
    /// <summary>Whether they are stored [experts, in, out] (PEFT's <c>is_transposed</c>, as gpt-oss has it); else they are [experts, out, in].</summary>
    bool HasInputsFirst { get; }
}
