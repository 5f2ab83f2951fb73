using Lora.Adapters;

namespace Lora.Export;

/// <summary>A tensor of an adapter, by its key.</summary>
/// <param name="Module">The dotted name of the module in the base model.</param>
/// <param name="Kind">What the tensor is.</param>
/// <param name="Parameter">The module's parameter that the tensor changes: <c>weight</c>, <c>bias</c> or another.</param>
internal sealed record AdapterPart(string Module, AdapterPartKind Kind, string Parameter)
{
    private static readonly (string Ending, AdapterPartKind Kind, string Parameter)[] Endings =
    [
        (".lora_A.weight", AdapterPartKind.Factor, "weight"),
        (".lora_B.weight", AdapterPartKind.Factor, "weight"),
        (".lora_embedding_A", AdapterPartKind.Factor, "weight"),
        (".lora_embedding_B", AdapterPartKind.Factor, "weight"),
        (".lora_B.bias", AdapterPartKind.FactorBias, "bias"),
        (".lora_magnitude_vector", AdapterPartKind.Magnitude, "weight"),
        ("." + TokenLayer.Key, AdapterPartKind.Rows, "weight"),
        (".base_layer.bias", AdapterPartKind.Whole, "bias"),
    ];

    /// <summary>Reads a key that begins with PEFT's prefix.</summary>
    /// <param name="key">The key.</param>
    /// <param name="parameters">Which keys are those of parameters that are adapted by themselves.</param>
    public static AdapterPart Of(string key, ParameterKeys parameters)
    {
        string name = key[PeftKey.Prefix.Length..];
        foreach ((string ending, AdapterPartKind kind, string parameter) in Endings)
        {
            if (name.EndsWith(ending, StringComparison.Ordinal))
            {
                string owner = name[..^ending.Length];
                return kind == AdapterPartKind.Factor && parameters.Find(owner) is (string holder, string adapted) ? new(holder, kind, adapted) : new(owner, kind, parameter);
            }
        }

        int dot = name.LastIndexOf('.');
        return new(dot < 0 ? "" : name[..dot], AdapterPartKind.Whole, name[(dot + 1)..]);
    }
}
