namespace Lora.Adapters;

/// <summary>The tensor names of adapter_model.safetensors.</summary>
internal static class PeftKey
{
    private const string BaseLayer = ".base_layer";
    private const string Original = ".original_module";
    private const string Copy = ".modules_to_save";
    private const string TokenAdapter = ".token_adapter";

    /// <summary>DoRA's magnitudes below their module's name.</summary>
    public const string Magnitude = "lora_magnitude_vector";

    /// <summary>What PEFT puts before every module's name.</summary>
    public const string Prefix = "base_model.model.";

    /// <summary>The name by which a parameter's tensors go whose module has others that are adapted by themselves: as deep as there are wrappers around its own.</summary>
    public static string Nested(string module, int depth) => module + string.Concat(Enumerable.Repeat(BaseLayer, depth));

    /// <summary>The module's name without the wrappers of parameters, and how many there were.</summary>
    public static (string Module, int Depth) Unnested(string path)
    {
        int depth = 0;
        for (; path.EndsWith(BaseLayer, StringComparison.Ordinal); depth++)
        {
            path = path[..^BaseLayer.Length];
        }

        return (path, depth);
    }

    /// <summary>The dotted name of the module that a tensor belongs to.</summary>
    public static string Module(string key)
    {
        string name = key.StartsWith(Prefix, StringComparison.Ordinal) ? key[Prefix.Length..] : key;
        // Behind its module a tensor of a product has one part or two (lora_embedding_A, lora_A.weight), any other has one.
        int end = name.IndexOf(".lora_", StringComparison.Ordinal);
        end = end >= 0 ? end : name.LastIndexOf('.');
        string module = end >= 0 ? name[..end] : name;
        module = Unnested(module).Module;
        return module.EndsWith(TokenAdapter, StringComparison.Ordinal) ? module[..^TokenAdapter.Length]
            : module.EndsWith(Original, StringComparison.Ordinal) ? module[..^Original.Length]
            : module;
    }

    /// <summary>Whether a tensor is part of a low-rank product: A, B, its bias, or DoRA's magnitude.</summary>
    public static bool IsOfProduct(string key) => key.Contains(".lora_", StringComparison.Ordinal);

    /// <summary>Whether a tensor is rows of single tokens.</summary>
    public static bool IsOfTokens(string key) => key.EndsWith("." + TokenLayer.Key, StringComparison.Ordinal);

    /// <summary>Whether a key is that of B, from whose gradient a module begins to learn.</summary>
    public static bool IsUp(string key) => key.EndsWith(".lora_B.weight", StringComparison.Ordinal) || key.EndsWith(".lora_embedding_B", StringComparison.Ordinal);

    /// <summary>Whether a key is that of DoRA's magnitudes.</summary>
    public static bool IsMagnitude(string key) => key.EndsWith("." + Magnitude, StringComparison.Ordinal);

    /// <summary>Whether a tensor is a parameter of the base's own module inside PEFT's wrapper: base_layer of an adapted one, original_module of one trained whole.</summary>
    public static bool IsOfBase(string key) => Owner(key).EndsWith(BaseLayer, StringComparison.Ordinal) || IsOriginal(key);

    /// <summary>Whether a tensor is a parameter that a module had before it was trained whole; PEFT saves biases of such modules with bias all.</summary>
    public static bool IsOriginal(string key) => Owner(key).EndsWith(Original, StringComparison.Ordinal);

    /// <summary>The key of the tensor that this one repeats: with bias all PEFT saves biases of modules trained whole twice. Null for others.</summary>
    public static string? Repeated(string key) =>
        Owner(key).EndsWith(Copy, StringComparison.Ordinal) ? string.Concat(Owner(key)[..^Copy.Length], ".", Parameter(key)) : null;

    private static ReadOnlySpan<char> Owner(string key) => key.AsSpan(0, Math.Max(key.LastIndexOf('.'), 0));

    /// <summary>The name of the parameter that a tensor is for, the last part of its key.</summary>
    public static string Parameter(string key) => key[(key.LastIndexOf('.') + 1)..];

    /// <summary>The key of a tensor of a module, for example <c>base_model.model.model.layers.0.mlp.up_proj.lora_A.weight</c>.</summary>
    public static string Of(string module, string tensor) => $"{Prefix}{module}.{tensor}";
}
