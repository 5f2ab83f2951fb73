using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A module that only holds another: <c>model.decoder</c> is a module of <c>model</c>.</summary>
internal sealed class DottedModule : nn.Module
{
    private DottedModule()
        : base(nameof(DottedModule))
    {
    }

    /// <summary>Makes a module another's own under a dotted name; the modules between, where they are not there yet, hold what is below them.</summary>
    public static void Register(nn.Module owner, string name, nn.Module module)
    {
        string[] parts = name.Split('.');
        foreach (string part in parts[..^1])
        {
            if (owner.named_children().FirstOrDefault(child => child.name == part).module is not nn.Module holder)
            {
                holder = new DottedModule();
                owner.register_module(part, holder);
            }

            owner = holder;
        }

        owner.register_module(parts[^1], module);
    }
}
