% Octave's side of the benchmark; bench/peer.go describes the conversation.
% With the argument "slicot" the compiled routines under dare and dlyap
% (SB02OD, SB03MD) are called without the checks those two make first.
1;

function x = matrix (folder, name, rows, columns)
  f = fopen (fullfile (folder, [name ".f64"]), "r", "ieee-le");
  x = fread (f, [columns, rows], "double").';
  fclose (f);
end

% The matrices of all tasks, one to a cell.
function x = stack (folder, name, rows, columns, tasks)
  x = matrix (folder, name, rows * tasks, columns);
  x = mat2cell (x, repmat (rows, 1, tasks), columns);
end

% The optimal gain of every task, one below the other.
function w = gains (a, b, q, rr, tasks)
  w = cell (tasks, 1);
  for k = 1:tasks
    [p, l, w{k}] = dare (a{k}, b{k}, q{k}, rr{k});
  end
  w = vertcat (w{:});
end

function [call, note] = load_case (kind, folder, n, r, tasks, bare)
  switch (kind)
    case "riccati"
      a = matrix (folder, "a", n, n);
      b = matrix (folder, "b", n, r);
      q = matrix (folder, "q", n, n);
      rr = matrix (folder, "r", r, r);
      if (bare)
        call = @() __sl_sb02od__ (a, b, q, rr, b, true, false);
        note = "SB02OD";
      else
        call = @() dare (a, b, q, rr);
        note = "dare";
      end
    case "stein"
      a = matrix (folder, "a", n, n);
      m = matrix (folder, "m", n, n);
      if (bare)
        call = @() __sl_sb03md__ (a, -m, true);
        note = "SB03MD";
      else
        call = @() dlyap (a, m);
        note = "dlyap";
      end
    case "fleet-optima"
      a = stack (folder, "a", n, n, tasks);
      b = stack (folder, "b", n, r, tasks);
      q = stack (folder, "q", n, n, tasks);
      rr = stack (folder, "r", r, r, tasks);
      call = @() gains (a, b, q, rr, tasks);
      note = "dare, a loop in one process";
    otherwise
      error ("unknown kind %s", kind);
  end
end

function seconds = mean_call (call, repetitions)
  start = tic;
  for k = 1:repetitions
    x = call ();
  end
  seconds = toc (start) / repetitions;
end

pkg load control
bare = any (strcmp (argv (), "slicot"));
control = pkg ("list", "control"){1}.version;
printf ("ready Octave %s, control %s, %s\n", version (), control, version ("-blas"));
fflush (stdout);
one = 0;
while (ischar (line = fgetl (stdin)))
  words = strsplit (line, "\t");
  if (strcmp (words{1}, "load"))
    [call, note] = load_case (words{2}, words{3}, str2double (words{4}), str2double (words{5}), ...
                              str2double (words{6}), bare);
    x = call ();
    f = fopen (words{7}, "w", "ieee-le");
    fwrite (f, x.', "double");
    fclose (f);
    one = mean_call (call, 2);
    printf ("loaded\t%s\n", note);
  elseif (strcmp (words{1}, "time"))
    repetitions = max (1, floor (str2double (words{2}) / one));
    one = mean_call (call, repetitions);
    printf ("timed\t%d\t%.17g\n", repetitions, one);
  end
  fflush (stdout);
end
