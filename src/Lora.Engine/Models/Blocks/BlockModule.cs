using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A part of a block. Its children have the names that a checkpoint has for them, and not those of its fields.</summary>
internal abstract class BlockModule(string name) : nn.Module<Tensor, BlockContext, Tensor>(name)
{
    /// <summary>Makes a module a child under a dotted name; where that is empty, its children become this one's.</summary>
    protected T Child<T>(string name, T module)
        where T : nn.Module
    {
        foreach ((string own, nn.Module child) in name.Length > 0 ? [(name, module)] : module.named_children())
        {
            DottedModule.Register(this, own, child);
        }

        return module;
    }

    /// <summary>TorchSharp would register each field under its own name beside.</summary>
    protected override void RegisterComponents()
    {
    }
}
