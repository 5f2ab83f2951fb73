using Lora.Data;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests;

/// <summary>Reference runs of models that are no decoders, and of classifiers.</summary>
internal static class GoldenTask
{
    /// <summary>The model of a folder, with the configuration of either generation.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="config">The file's name.</param>
    /// <param name="task">PEFT's task type; null for what the class is for.</param>
    public static TaskModel Load(string folder, string config = "config.json", string? task = null)
    {
        using TemporaryFolder copy = new();
        File.Copy(Path.Combine(folder, config), copy.File("config.json"));
        return ModelLoader.Load(TaskReader.Read(copy.Path, task), folder, CPU, ScalarType.Float32);
    }

    /// <summary>The engine's batch out of a run's tensors: rows end where the mask does.</summary>
    /// <param name="data">Has input_ids and labels, and perhaps attention_mask and token_type_ids.</param>
    /// <param name="prefix">What stands before the names.</param>
    /// <param name="place">Where labels are predicted.</param>
    /// <param name="padding">The id that rows were filled with.</param>
    public static Batch Batch(GoldenTensors data, string prefix, LabelPlace place, int padding = 0)
    {
        long[][] ids = Rows(data[prefix + "input_ids"]);
        long[][] mask = data.Names.Contains(prefix + "attention_mask") ? Rows(data[prefix + "attention_mask"]) : [.. ids.Select(row => row.Select(_ => 1L).ToArray())];
        long[][]? types = data.Names.Contains(prefix + "token_type_ids") ? Rows(data[prefix + "token_type_ids"]) : null;
        Tensor labels = data[prefix + "labels"];
        bool hasValues = labels.dtype == ScalarType.Float32;
        return Lora.Data.Batch.Of([.. ids.Select((row, index) => Example(row, index))], padding);

        TrainingExample Example(long[] row, int index)
        {
            int length = (int)mask[index].Sum();
            int[] own = hasValues ? [0] : labels.dim() == 1 ? [(int)labels[index].ToInt64()] : [.. Rows(labels)[index].Select(label => (int)label)];
            bool isOfTokens = place == LabelPlace.Own && own.Length == row.Length;
            return new([.. row.Take(length).Select(id => (int)id)], isOfTokens ? own[..length] : own, index + 1)
            {
                Place = place,
                TokenTypes = types is null ? null : [.. types[index].Take(length).Select(type => (int)type)],
                Values = hasValues ? new([.. labels[index].flatten().data<float>()], AreNumbers: true) : null,
            };
        }
    }

    private static long[][] Rows(Tensor tensor) => [.. tensor.data<long>().ToArray().Chunk((int)tensor.shape[^1])];
}
