using Lora.Checkpoints;
using Lora.Export;
using Lora.Models;
using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>A model's weights as a file that llama.cpp runs: the very bytes, so that both programs read as much memory. It has no vocabulary.</summary>
internal static class LlamaModelFile
{
    private static readonly (string Ours, string Theirs)[] Names =
    [
        ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"), ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"), ("embed_tokens", "token_embd"), ("model.norm", "output_norm"),
    ];

    /// <summary>Writes the file.</summary>
    public static void Write(CausalLanguageModel model, int positions, string path)
    {
        Dictionary<string, Parameter> weights = model.named_parameters().Where(entry => !entry.name.StartsWith("lm_head", StringComparison.Ordinal)).ToDictionary(entry => NameOf(entry.name), entry => entry.parameter);
        GgufTensor[] tensors = [.. weights.Select(weight => new GgufTensor(weight.Key, TypeOf(weight.Value), weight.Value.shape))];
        IEnumerable<GgufField> fields =
        [
            new("general.architecture", GgufValue.Of("llama")),
            .. GgufHyperparameters.Of(model.Shape with { Positions = positions }, GgufShape.ArchitectureOf(model.Shape, path)),
            new("tokenizer.ggml.model", GgufValue.Of("none")),
        ];
        GgufWriter.Write(path, [.. fields], tensors, (tensor, stream) =>
        {
            using Tensor values = weights[tensor.Name].to(tensor.Type == GgufTensorType.F32 ? ScalarType.Float32 : ScalarType.BFloat16).contiguous();
            TensorMemory.Write(values, stream);
        });
    }

    // llama.cpp has norms in float32 whatever the matrices are.
    private static GgufTensorType TypeOf(Parameter weight) => weight.shape.Length > 1 && weight.dtype == ScalarType.BFloat16 ? GgufTensorType.BF16 : GgufTensorType.F32;

    private static string NameOf(string name)
    {
        string own = name[..^".weight".Length].Replace("model.layers.", "blk.", StringComparison.Ordinal);
        (string ours, string theirs) = Names.First(pair => own.EndsWith(pair.Ours, StringComparison.Ordinal));
        string place = own[..^ours.Length];
        return (place == "model." ? "" : place) + theirs + ".weight";
    }
}
