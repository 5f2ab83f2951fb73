using System.Text.Json;

namespace Lora.Tests.Training;

/// <summary>Small models of reference runs with a tokenizer of single letters, and rows that they can learn.</summary>
internal static class TaskRun
{
    private static readonly string[] Letters = [.. "abcdefghijklmnopqrstuvwxyz".Select(letter => letter.ToString())];

    /// <summary>Thirty steps of four rows at a rate that tiny models learn at.</summary>
    public static TrainingOptions Options { get; } = new() { MaxStep = 30, BatchSize = 4, LearningRate = 2e-2, Schedule = TrainingSchedule.Constant, WarmupStep = 0 };

    /// <summary>A folder with the model of a reference run and a tokenizer.</summary>
    /// <param name="files">Where it is made.</param>
    /// <param name="source">The run's folder.</param>
    public static string Model(TemporaryFolder files, string source)
    {
        string folder = Directory.CreateDirectory(files.File(Path.GetFileName(source))).FullName;
        foreach (string name in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(source, name), Path.Combine(folder, name));
        }

        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), JsonSerializer.Serialize(Path.GetFileName(source) is "t5" or "llama3" ? BytePairs() : WordPieces()));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), Path.GetFileName(source) is "t5" or "llama3" ? """{"eos_token": "</s>"}""" : """{"mask_token": "[MASK]"}""");
        return folder;
    }

    private static object WordPieces()
    {
        string[] tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", .. Letters, .. Letters.Select(letter => "##" + letter)];
        return new
        {
            added_tokens = tokens.Take(5).Select((token, id) => new { id, content = token, special = true, single_word = false, lstrip = false, rstrip = false, normalized = false }).ToArray(),
            normalizer = new { type = "BertNormalizer", clean_text = true, handle_chinese_chars = true, strip_accents = (bool?)null, lowercase = true },
            pre_tokenizer = new { type = "BertPreTokenizer" },
            post_processor = new
            {
                type = "TemplateProcessing",
                single = new object[] { Special("[CLS]"), new { Sequence = new { id = "A", type_id = 0 } }, Special("[SEP]") },
                pair = Array.Empty<object>(),
                special_tokens = new Dictionary<string, object> { ["[CLS]"] = Token("[CLS]", 2), ["[SEP]"] = Token("[SEP]", 3) },
            },
            model = new { type = "WordPiece", unk_token = "[UNK]", continuing_subword_prefix = "##", max_input_chars_per_word = 100, vocab = tokens.Select((token, id) => (token, id)).ToDictionary() },
        };
    }

    private static object BytePairs()
    {
        string[] tokens = ["<pad>", "</s>", "<unk>", .. Letters, " "];
        return new
        {
            added_tokens = new[] { new { id = 1, content = "</s>", special = true, single_word = false, lstrip = false, rstrip = false, normalized = false } },
            model = new { type = "BPE", unk_token = "<unk>", vocab = tokens.Select((token, id) => (token, id)).ToDictionary(), merges = Array.Empty<string>() },
        };
    }

    private static object Special(string token) => new { SpecialToken = new { id = token, type_id = 0 } };

    private static object Token(string token, int id) => new { id = token, ids = new[] { id }, tokens = new[] { token } };
}
