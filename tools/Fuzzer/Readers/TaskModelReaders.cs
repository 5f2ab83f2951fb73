using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tools.Fuzzer;

/// <summary>Small models that are no language models, or learn labels, by damaged configurations: read, loaded, and asked once.</summary>
internal static class TaskModelReaders
{
    private const string Config = "config.json";
    private const string Sizes = """
        "vocab_size": 8, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 8, "initializer_range": 0.02
        """;

    /// <summary>The weights are those of the class that a configuration names, so that a task of another class makes its head new.</summary>
    private static readonly (string Name, string? Task, string Config)[] Models =
    [
        ("bert", null, $$"""{"model_type": "bert", "architectures": ["BertForMaskedLM"], {{Sizes}}, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "position_embedding_type": "absolute"}"""),
        ("bert-labels", "SEQ_CLS", $$"""{"model_type": "bert", "architectures": ["BertForSequenceClassification"], {{Sizes}}, "id2label": {"0": "a", "1": "b", "2": "c"}, "problem_type": "single_label_classification"}"""),
        ("roberta", "TOKEN_CLS", $$"""{"model_type": "roberta", "architectures": ["RobertaForMaskedLM"], {{Sizes}}, "type_vocab_size": 1, "id2label": {"0": "a"}, "pad_token_id": 1}"""),
        ("distilbert", null, """{"model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"], "vocab_size": 8, "dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8, "max_position_embeddings": 8, "activation": "gelu"}"""),
        ("t5", null, """
            {"model_type": "t5", "vocab_size": 8, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_heads": 2, "num_layers": 1, "num_decoder_layers": 1, "feed_forward_proj": "gated-gelu", "layer_norm_epsilon": 1e-6,
            "relative_attention_num_buckets": 8, "relative_attention_max_distance": 16, "tie_word_embeddings": false, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
            """),
        ("vit", null, """
            {"model_type": "vit", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "image_size": 4, "patch_size": 2, "num_channels": 3, "qkv_bias": true,
            "id2label": {"0": "a", "1": "b"}, "initializer_range": 0.02}
            """),
        ("llama", "SEQ_CLS", $$"""{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "id2label": {"0": "a", "1": "b"}, {{Sizes}} }"""),
    ];

    public static IReadOnlyList<Reader> All { get; } = [new("task-model", 12, Open)];

    private static OpenReader Open(string folder)
    {
        JsonDamage[] damages = [.. Models.Select(model =>
        {
            string path = Directory.CreateDirectory(Path.Combine(folder, model.Name)).FullName;
            File.WriteAllText(Path.Combine(path, Config), model.Config);
            WriteWeights(path);
            Read(path, model.Task); // what is undamaged is read whole
            return new JsonDamage(File.ReadAllBytes(Path.Combine(path, Config)));
        })];
        return new(
            random =>
            {
                int model = random.Next(Models.Length);
                return new(Path.Combine(Models[model].Name, Config), damages[model].Apply(random));
            },
            input =>
            {
                string name = Path.GetDirectoryName(input.File)!;
                Read(Path.Combine(folder, name), Models.Single(model => model.Name == name).Task);
            });
    }

    private static void Read(string folder, string? task)
    {
        TorchLibrary.Load();
        TorchMemoryFailure.Named(() =>
        {
            using IDisposable noGradient = no_grad();
            using DisposeScope scope = NewDisposeScope();
            TaskShape shape = Shape(folder, task);
            using TaskModel model = ModelLoader.Load(shape, folder, CPU, ScalarType.Float32);
            Tensor input = shape is VisionShape image ? zeros([1, image.Channels, image.ImageSize, image.ImageSize], device: CPU) : tensor([1L, 0, 2], [1, 3], device: CPU);
            shape.LearnedPositions?.Check(input.shape[1]);
            return model.call(input).shape; // [1, 3 or 1, labels]
        });
    }

    private static TaskShape Shape(string folder, string? task) => Path.GetFileName(folder) == "vit" ? Vit.Read(folder) : TaskReader.Read(folder, task);

    private static void WriteWeights(string folder)
    {
        TorchLibrary.Load();
        Zeros zeros = new();
        Shape(folder, task: null).Build(zeros, META).Dispose();
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), zeros.Tensors);
    }

    /// <summary>Notes what a model asks for, as zeros.</summary>
    private sealed class Zeros : IWeightSource
    {
        public List<TensorData> Tensors { get; } = [];

        public bool Has(string name) => false;

        public Tensor Take(string name, params ReadOnlySpan<long> shape)
        {
            long[] sizes = shape.ToArray();
            Tensors.Add(new(name, TensorDataType.F32, sizes, new byte[TensorDataType.F32.ByteSize(sizes)!.Value]));
            return empty(sizes, dtype: ScalarType.Float32, device: META);
        }
    }
}
